"""``asap tracking sync|dashboard``: plain flags."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asap_lightning.commands.dashboard import add_parser as add_dashboard
from asap_lightning.commands.flags import Commands

if TYPE_CHECKING:
    from asap_lightning.tracking.sync import Outcome, Upload


def main(arguments: list[str]) -> int:
    """Runs a sub-command."""
    options = parser().parse_args(arguments)
    return int(options.action(options))


def parser() -> argparse.ArgumentParser:
    """The parser of ``asap tracking``."""
    commands = Commands("asap tracking", "Track experiments with Weights & Biases (W&B).")
    sync = commands.add(
        "sync",
        "upload runs that were logged offline, and what an online run could not upload in time",
        "asap tracking sync",
        "asap tracking sync runs/demo --dry-run",
    )
    sync.add_argument(
        "folders",
        nargs="*",
        type=Path,
        default=[Path("runs")],
        metavar="DIR",
        help="where runs are looked for (default: runs)",
    )
    sync.add_argument("--dry-run", action="store_true", help="list what would be uploaded; needs no login")
    sync.add_argument("--entity", help="user or team (default: the runs' own)")
    sync.add_argument("--project", help="project (default: the runs' own)")
    sync.set_defaults(action=sync_runs)
    add_dashboard(commands)
    return commands.parser


def sync_runs(options: argparse.Namespace) -> int:
    """Uploads what is pending and prints a table; 1 if a run could not be uploaded."""
    from asap_lightning.tracking.server import require_server
    from asap_lightning.tracking.sync import find_uploads, sync

    uploads = find_uploads(options.folders)
    pending = [upload for upload in uploads if upload.pending]
    outcomes: dict[tuple[str, str], Outcome] = {}
    if pending and not options.dry_run:
        require_server("sync")
        for number, upload in enumerate(pending, start=1):
            print(f"uploading {number} of {len(pending)}: {upload.name} ({upload.run_id})", flush=True)
            outcomes[upload.project, upload.run_id] = sync(
                upload, entity=options.entity, project=options.project
            )
    show(uploads, outcomes, options)
    return int(any(not outcome.done for outcome in outcomes.values()))


def show(
    uploads: Sequence[Upload], outcomes: Mapping[tuple[str, str], Outcome], options: argparse.Namespace
) -> None:
    """One row a run, then what went wrong."""
    from rich.console import Console
    from rich.table import Table

    folders = ", ".join(map(str, options.folders))
    if not uploads:
        print(f"no offline W&B runs under {folders}")
        return
    table = Table("run", "id", "project", "parts", "rows", "status")
    for upload in uploads:
        outcome = outcomes.get((upload.project, upload.run_id))
        project = "/".join(part for part in (upload.entity, upload.project) if part)
        parts = f"{len(upload.pending)} of {len(upload.parts)}"
        table.add_row(upload.name, upload.run_id, project, parts, str(upload.rows), status(upload, outcome))
    console = Console()
    if not console.is_terminal:  # a log has no right edge
        console = Console(width=200)
    console.print(table)
    for upload in uploads:
        if (outcome := outcomes.get((upload.project, upload.run_id))) is not None and outcome.text:
            kind = "note" if outcome.done else "failed"
            print(f"{kind}: {upload.name} ({upload.run_id}): {outcome.text}")


def status(upload: Upload, outcome: Outcome | None) -> str:
    """What a run's row says of it."""
    if outcome is not None:
        return f"uploaded: {outcome.url}" if outcome.done else "failed"
    if any(part.state == "open" for part in upload.parts):
        return "still written to; ask again later"
    return "to be uploaded" if upload.pending else "uploaded earlier"
