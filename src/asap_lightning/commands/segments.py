"""``asap data segments``: cuts a data set into a memory bank; shows a bank, and what is found in it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asap_lightning.commands import segments_fit
from asap_lightning.commands.flags import Commands
from asap_lightning.errors import UserError

if TYPE_CHECKING:
    from asap_lightning.data.sample import Sample
    from asap_lightning.segments.bank import Bank

OUT, BANK, OPTION = ("out", "output"), "bank", "canvas_options."


@dataclass
class Words:
    """``key=value`` words: the command's own, and those that describe the data set as for ``asap train``."""

    out: Path | None = None
    bank: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)


class _Words(argparse.Action):
    """Takes ``out=``, ``bank=`` and ``canvas_options.KEY=`` out of the overrides, which are for ``data``."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        words = Words()
        for word in values:
            key, _, value = word.partition("=")
            if key in OUT:
                words.out = Path(value).expanduser()
            elif key == BANK:
                words.bank = Path(value).expanduser()
            elif key.removeprefix("data.").startswith(OPTION):
                words.options[key.removeprefix("data.").removeprefix(OPTION)] = _value(value)
            else:
                words.overrides.append(word)
        namespace.words = words


def _value(text: str) -> Any:
    """A number, true, false or null as such; any other word as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def add_parser(commands: Commands) -> None:
    """Adds ``segments`` to the sub-commands of ``asap data``."""
    parser = commands.add(
        "segments",
        "cut a data set into a memory bank of segments, from which SIMS puts images together; show one",
        "asap data segments data=cityscapes data.root=DIR out=BANK --sheet bank.png",
        "asap data segments bank=BANK --verify",
        "asap data segments bank=BANK data=cityscapes data.root=DIR --fit align order",
    )
    parser.add_argument(
        "words",
        nargs="*",
        action=_Words,
        metavar="key=value",
        help="the data set, as for asap train, and the folder that becomes the bank: data=NAME data.root=DIR "
        "out=BANK; or bank=BANK to look at one, with a data set for what is found in it "
        "(canvas_options.KEY=VALUE as for training)",
    )
    parser.add_argument("--out", type=Path, metavar="BANK", help="the same as out=BANK")
    parser.add_argument(
        "--splits",
        nargs="+",
        choices=("train", "val", "test"),
        metavar="SPLIT",
        help="train, val, test (default: train; of a sheet: val)",
    )
    parser.add_argument(
        "--min-area",
        type=int,
        metavar="PIXELS",
        help="area of the smallest segment (default: 1/1000 of the image)",
    )
    parser.add_argument(
        "--min-thickness",
        type=int,
        default=1,
        metavar="PIXELS",
        help="side of a square that must fit into a segment: above 1 leaves out lines, such as those that "
        "blended colours make of a third class (default: %(default)s)",
    )
    parser.add_argument(
        "--join",
        nargs="*",
        metavar="CLASS",
        help="classes that cut no other in two; without a class: none (default: Cityscapes' poles, lights "
        "and signs)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="take only the first N pairs of each split")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="threads (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace a bank that is there")
    parser.add_argument("--verify", action="store_true", help="with bank=BANK: compare every checksum")
    parser.add_argument(
        "--sheet", type=Path, metavar="PNG", help="also write a picture: segments of every class, or findings"
    )
    parser.add_argument(
        "--count", type=int, default=6, metavar="N", help="rows of a sheet of findings (default: %(default)s)"
    )
    segments_fit.add_arguments(parser)
    parser.set_defaults(action=run)


def run(options: argparse.Namespace) -> int:
    """Cuts a bank, or shows one."""
    out = options.out or options.words.out
    if (out is None) == (options.words.bank is None):
        raise UserError(
            "give either out=BANK, the folder that becomes a bank of the data set, or bank=BANK, one that is "
            "there"
        )
    for name, least in (("limit", 1), ("workers", 1), ("count", 1)):
        if (value := getattr(options, name)) is not None and value < least:
            raise UserError(f"--{name} {value}: a number from {least} on was expected")
    segments_fit.require_fitting(options)
    if options.fit:
        if out is not None:
            raise UserError("--fit: networks are fitted to a bank that is there: bank=BANK and its data set")
        return segments_fit.run(options)
    if out is not None:
        return _cut(options, out.expanduser())
    return _show(options)


def _cut(options: argparse.Namespace, out: Path) -> int:
    from rich.console import Console
    from rich.progress import TimeRemainingColumn

    from asap_lightning.commands.counting_bar import counting_bar
    from asap_lightning.configuration.data_layout import configured
    from asap_lightning.segments.bank import Bank
    from asap_lightning.segments.cutting import cut_bank, describe_scaling
    from asap_lightning.segments.names import CITYSCAPES_JOIN, is_cityscapes

    layout, node = configured(options.words.overrides)
    join = options.join
    if join is None:
        join = CITYSCAPES_JOIN if is_cityscapes(layout.spec) else ()
    with counting_bar("cutting images", TimeRemainingColumn()) as progress:
        summary = cut_bank(
            layout,
            out,
            height=node["height"],
            width=node["width"],
            splits=tuple(options.splits or ("train",)),
            min_area=options.min_area,
            min_thickness=options.min_thickness,
            join=join,
            limit=options.limit,
            workers=options.workers,
            overwrite=options.overwrite,
            progress=progress,
        )
    bank = Bank(out)
    Console().print(table(bank))
    if join:
        print("joined to the nearest other class before the others were cut: " + ", ".join(join))
    if said := describe_scaling(summary):
        print(said)
    _write_sheet(options, bank)
    print(f"{out}: {summary.size / 1e6:.1f} MB in {summary.seconds:.0f} s. Train with: data.bank={out}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from rich.console import Console

    from asap_lightning.segments.bank import Bank

    bank = Bank(options.words.bank)
    if options.verify:
        bank.verify()
        print(f"{bank.folder}: every checksum fits")
    if not options.words.overrides:
        Console().print(table(bank))
        _write_sheet(options, bank)
        return 0
    if options.sheet is None:
        raise UserError("--sheet is missing: give the picture of what is found as --sheet PNG")
    from asap_lightning.composing.settings import canvases_of
    from asap_lightning.data.panels import save_png
    from asap_lightning.segments.sheet import retrieval_sheet

    canvases = canvases_of({"bank": str(bank.folder), "canvas_options": options.words.options})
    assert canvases is not None
    save_png(options.sheet, retrieval_sheet(canvases, _samples(options, bank)))
    print(f"sheet  {options.sheet}")
    return 0


def _samples(options: argparse.Namespace, bank: Bank) -> Iterator[tuple[str, Sample]]:
    """Pairs of the data set, evenly over the split, at the size that the configuration gives them."""
    from asap_lightning.configuration.data_layout import configured
    from asap_lightning.data.resizing import resize
    from asap_lightning.data.sample_pictures import spread

    layout, node = configured(options.words.overrides)
    bank.require_classes(layout.spec, f"data.root={layout.address}")
    split = (options.splits or ["val"])[0]
    items = layout.items(split)[: options.limit]
    for place in sorted(spread(options.count, len(items))):
        sample = layout.read(items[place])
        size = node["height"], node["width"]
        yield f"{split}/{items[place].name}", sample.map(lambda name, array: resize(name, array, *size))  # noqa: B023


def _write_sheet(options: argparse.Namespace, bank: Bank) -> None:
    if options.sheet is None:
        return
    from asap_lightning.data.panels import save_png
    from asap_lightning.segments.sheet import class_sheet

    save_png(options.sheet, class_sheet(bank))
    print(f"sheet  {options.sheet}")


def table(bank: Bank) -> Any:
    """Segments of every class, with their median size."""
    import numpy as np
    from rich.table import Table

    height, width = bank.frame
    made = Table("class", title=f"{len(bank)} segments of {bank.index.images} images of {width} x {height}")
    for title in ("segments", "images", "median pixels", "median width x height"):
        made.add_column(title, justify="right")
    for class_id, name in enumerate(bank.spec.channel_names[: bank.spec.num_classes]):
        numbers = bank.of_class(class_id)
        if not len(numbers):
            made.add_row(name, "0", "0", "-", "-")
            continue
        rows = bank.table[numbers.start : numbers.stop]
        down = np.median(rows["bottom"].astype(int) - rows["top"])
        across = np.median(rows["right"].astype(int) - rows["left"])
        images = len(np.unique(rows["image"]))
        size = f"{across:.0f} x {down:.0f}"
        made.add_row(name, str(len(numbers)), str(images), f"{np.median(rows['area']):.0f}", size)
    return made
