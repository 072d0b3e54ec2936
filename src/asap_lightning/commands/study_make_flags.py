"""The flags of ``asap study make``: what is shown, and the protocol."""

from __future__ import annotations

import argparse
from pathlib import Path

from asap_lightning.commands.flags import Commands
from asap_lightning.preference.protocol import PRESETS


def add_make(commands: Commands) -> argparse.ArgumentParser:
    """Adds ``make`` to the sub-commands of ``asap study``."""
    make = commands.add(
        "make",
        "make a study from folders of pictures with the same names",
        "asap study make out/ours out/spade --conditions data/labels --label-maps --out STUDY",
        "asap study make ours=out/1 spade=out/2 --real data/photos --preset pix2pix --out STUDY",
    )
    make.add_argument(
        "systems",
        nargs="+",
        metavar="[NAME=]FOLDER",
        help="the pictures of each system; NAME is what the report calls it (default: the folder's)",
    )
    make.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that becomes the study")
    make.add_argument(
        "--real", type=Path, metavar="FOLDER", help="real photos, against which each system is shown"
    )
    make.add_argument(
        "--conditions",
        type=Path,
        metavar="FOLDER",
        help="the label maps or pictures that were translated, shown with the question",
    )
    make.add_argument(
        "--label-maps",
        action="store_true",
        help="the files of --conditions hold class ids: show them in colours",
    )
    _add_protocol(make)
    return make


def _add_protocol(make: argparse.ArgumentParser) -> None:
    make.add_argument("--preset", choices=sorted(PRESETS), help="the protocol of a paper (default: none)")
    make.add_argument("--question", metavar="TEXT", help="what is asked (default: the protocol's)")
    make.add_argument(
        "--title", default="Comparing pictures", metavar="TEXT", help="of the page (default: %(default)s)"
    )
    make.add_argument(
        "--trials", type=int, metavar="N", help="questions of a session that count (default: 40, or all)"
    )
    make.add_argument(
        "--practice",
        type=int,
        metavar="N",
        help="questions before them, after which the right answer is shown (default: 2)",
    )
    make.add_argument(
        "--vigilance",
        type=int,
        metavar="N",
        help="obvious questions among them, which show who pays attention (default: 4)",
    )
    make.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="how long pictures are seen; 0 is as long as one likes (default: 0)",
    )
    make.add_argument(
        "--one-system", action="store_true", default=None, help="compare two systems only in a session"
    )
    make.add_argument(
        "--unpaired",
        action="store_true",
        default=None,
        help="with --real: show them beside photos of other inputs",
    )
    make.add_argument(
        "--items",
        type=int,
        metavar="N",
        help="take so many of the inputs, drawn at random (default: all)",
    )
    make.add_argument(
        "--participants",
        type=int,
        default=200,
        metavar="N",
        help="how many people are asked at most (default: %(default)s)",
    )
    make.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of what is drawn at random (default: %(default)s)"
    )
