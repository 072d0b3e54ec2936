"""``asap data demo`` and ``asap data check``: plain flags."""

from __future__ import annotations

import argparse
from pathlib import Path

EPILOG = """\
examples:
  asap data demo data/demo --count 200 --size 512
  asap data check data/demo
  asap data check DIR data=cityscapes
  asap data check DIR data=spade_folders data.layout.num_classes=19 --picture samples.png
"""


def main(arguments: list[str]) -> int:
    """Runs a sub-command; 1 when a check has found problems."""
    options = parser().parse_args(arguments)
    return int(options.action(options))


def parser() -> argparse.ArgumentParser:
    """The parser of ``asap data``."""
    top = argparse.ArgumentParser(
        prog="asap data",
        description="Makes the demo data; checks data sets.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="demo|check")
    demo = commands.add_parser("demo", help="write procedural building facades in the CMP layout")
    demo.add_argument("out", type=Path, help="folder that receives the files")
    demo.add_argument("--count", type=int, default=200, help="number of facades (default %(default)s)")
    demo.add_argument(
        "--size", type=int, default=512, help="side of the images in pixels (default %(default)s)"
    )
    demo.add_argument("--seed", type=int, default=0, help="of the series (default %(default)s)")
    demo.add_argument(
        "--workers", type=int, default=0, help="processes; 0 for one a core (default %(default)s)"
    )
    demo.set_defaults(action=write_demo)
    check = commands.add_parser("check", help="read every file of a data set and list what is wrong")
    check.add_argument("root", type=Path, help="folder of the data set")
    check.add_argument("overrides", nargs="*", metavar="data=NAME data.key=value", help="as for asap train")
    check.add_argument("--picture", type=Path, metavar="PNG", help="also write a picture of some pairs")
    check.add_argument("--workers", type=int, default=None, help="threads (default: one a core)")
    check.set_defaults(action=check_data)
    return top


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

    from asap_lightning.commands.data_layout import layout_of
    from asap_lightning.data.check import check_dataset, write_sample_picture
    from asap_lightning.data.check_table import print_report

    layout = layout_of(options.root, options.overrides)
    report = check_dataset(layout, workers=options.workers)
    print_report(report, Console())
    if options.picture is not None and any(split.sizes for split in report.splits):
        write_sample_picture(options.picture, layout, next(s.split for s in report.splits if s.sizes))
        print(f"picture  {options.picture}")
    return 0 if report.ok else 1
