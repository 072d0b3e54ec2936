"""``asap tracking dashboard``: W&B workspaces and reports as code."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from asap_lightning.commands.flags import Commands
from asap_lightning.errors import UserError

if TYPE_CHECKING:
    from asap_lightning.tracking.dashboards import Dashboard

KINDS = ("training", "sweep", "comparison")


def add_parser(commands: Commands) -> None:
    """Adds the sub-command to ``asap tracking``."""
    dashboard = commands.add(
        "dashboard",
        "build a W&B workspace and a report of the same panels, as JSON or on the server",
        "asap tracking dashboard training --out training.json",
        "asap tracking dashboard sweep --group GROUP --save",
    )
    dashboard.add_argument("kind", choices=KINDS, help="what the panels show")
    dashboard.add_argument("--entity", help="user or team (default: the account's)")
    dashboard.add_argument("--project", default="asap-lightning", help="project (default: %(default)s)")
    dashboard.add_argument("--group", help="only runs of this group, such as a sweep's")
    dashboard.add_argument(
        "--metrics",
        type=_words,
        metavar="NAME,..",
        help="scores of the validations, the most important first (default: psnr,ssim,l1)",
    )
    dashboard.add_argument(
        "--parameters",
        type=_words,
        metavar="KEY,..",
        help="keys that a sweep varies (default: S1, S2, MLP width and depth)",
    )
    dashboard.add_argument("--out", type=Path, metavar="FILE", help="write what a server would get as JSON")
    dashboard.add_argument("--save", action="store_true", help="send both to W&B's server; needs a login")
    dashboard.set_defaults(action=make_dashboard)


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"expected names with commas between them, got {text!r}")
    return words


def make_dashboard(options: argparse.Namespace) -> int:
    """Builds both, prints what they show, writes or sends them."""
    try:
        from asap_lightning.tracking.dashboards import Subject, build_dashboard
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("wandb_workspaces"):
            raise
        raise UserError(
            "dashboards are built with wandb-workspaces, which is not installed: "
            "pip install 'asap-lightning[reports]'"
        ) from error
    chosen = {name: given for name in ("metrics", "parameters") if (given := getattr(options, name))}
    subject = Subject(options.project, options.entity, options.group, **chosen)
    dashboard = build_dashboard(options.kind, subject)
    print(outline(dashboard))
    if options.out is not None:
        dashboard.write(options.out)
        print(f"written    {options.out}")
    if options.save:
        for name, address in dashboard.save().items():
            print(f"{name:9}  {address}")
    elif options.out is None:
        print("--out FILE writes it as JSON, --save sends it to W&B")
    return 0


def outline(dashboard: Dashboard) -> str:
    """Headings and panels, one heading a line."""
    width = max(len(group.name) for group in dashboard.groups)
    lines = [
        f"{group.name:{width}}  {len(group.panels)} panel{'s' if len(group.panels) > 1 else ''}"
        for group in dashboard.groups
    ]
    return "\n".join([dashboard.workspace.name, *(f"  {line}" for line in lines)])
