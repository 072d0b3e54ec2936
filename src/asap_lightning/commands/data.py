"""``asap data demo``, ``check``, ``palette``, ``shard`` and ``segments``: plain flags."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from asap_lightning.commands import palette, segments, shard
from asap_lightning.commands.flags import Commands
from asap_lightning.commands.palette import AS_FOR_TRAINING


def main(arguments: list[str]) -> int:
    """Runs a sub-command; 1 when a check has found problems."""
    options = parser().parse_args(arguments)
    return int(options.action(options))


def parser() -> argparse.ArgumentParser:
    """The parser of ``asap data``."""
    commands = Commands(
        "asap data",
        "Make the demo data; check data sets; find their colours; write them as shards or segments.",
        _OverridesAnywhere,
    )
    demo = commands.add(
        "demo",
        "draw building facades, label maps and photos, in the layout of the CMP facades",
        "asap data demo data/demo --count 200 --size 512",
    )
    demo.add_argument("out", type=Path, help="folder that receives the files")
    demo.add_argument(
        "--count", type=int, default=200, metavar="N", help="number of facades (default: %(default)s)"
    )
    demo.add_argument(
        "--size",
        type=int,
        default=512,
        metavar="PIXELS",
        help="side of the images (default: %(default)s)",
    )
    demo.add_argument("--seed", type=int, default=0, metavar="N", help="of the series (default: %(default)s)")
    demo.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes; 0 is one for each core (default: %(default)s)",
    )
    demo.set_defaults(action=write_demo)
    check = commands.add(
        "check",
        "read every file of a data set and list what is wrong",
        "asap data check DIR data=spade_folders data.layout.num_classes=19 --picture samples.png",
        "asap data check DIR data=cityscapes",
        "asap data check https://HOST/shards data=shards",
        notes="The exit code is 1 where something is wrong.",
    )
    check.add_argument("root", type=folder_or_url, help="folder of the data set, or the address of shards")
    check.add_argument("overrides", nargs="*", metavar="key=value", help=AS_FOR_TRAINING)
    check.add_argument("--picture", type=Path, metavar="PNG", help="also write a picture of some pairs")
    check.add_argument(
        "--workers", type=int, default=None, metavar="N", help="threads (default: one for each core)"
    )
    check.set_defaults(action=check_data)
    palette.add_parser(commands)
    shard.add_parser(commands)
    segments.add_parser(commands)
    return commands.parser


class _OverridesAnywhere(argparse.ArgumentParser):
    """Lets ``key=value`` words stand between flags, which argparse takes in one run only."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        words = list(args or ())
        overrides = [word for word in words if "=" in word and not word.startswith("-")]
        others = [word for word in words if word not in overrides]
        first = 1 if others and not others[0].startswith("-") else 0  # the folder, where there is one
        return super().parse_known_args([*others[:first], *overrides, *others[first:]], namespace)


def folder_or_url(word: str) -> str | os.PathLike[str]:
    """A path, unless it is an address, which a path would mangle."""
    return word if "://" in word else Path(word)


def write_demo(options: argparse.Namespace) -> int:
    """Draws the demo data."""
    from asap_lightning.data.demo import write_demo_dataset

    made = write_demo_dataset(
        options.out, count=options.count, size=options.size, seed=options.seed, workers=options.workers
    )
    kept = f", {made.reused} were there already" if made.reused else ""
    print(f"{made.root}: {made.count} facades of {made.size} x {made.size}: {made.drawn} drawn{kept}")
    return 0


def check_data(options: argparse.Namespace) -> int:
    """Checks a data set; 1 if there are problems."""
    from rich.console import Console

    from asap_lightning.configuration.data_layout import layout_of
    from asap_lightning.data.check import check_dataset, write_sample_picture
    from asap_lightning.data.check_table import print_report

    layout = layout_of(options.root, options.overrides)
    report = check_dataset(layout, workers=options.workers)
    print_report(report, Console())
    if options.picture is not None and any(split.sizes for split in report.splits):
        write_sample_picture(options.picture, layout, next(s.split for s in report.splits if s.sizes))
        print(f"picture  {options.picture}")
    return 0 if report.ok else 1
