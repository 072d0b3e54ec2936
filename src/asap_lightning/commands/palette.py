"""``asap data palette``: proposes the colours that stand for classes."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asap_lightning.commands.flags import Commands
from asap_lightning.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from asap_lightning.data.layouts import Item, LabelLayout
    from asap_lightning.data.palette_find import ColourCounts, Proposal
    from asap_lightning.data.source import Source

LAYOUTS = ("pairs", "folders", "spade_folders", "pix2pixhd_folders")
"""Those whose label maps may be of any colours."""
DIRECTIONS = {"left": "AtoB", "right": "BtoA"}
AS_FOR_TRAINING = "how the data set lies on disk, as for asap train: data=NAME data.layout.KEY=VALUE"
TRIED = 8
PHOTO_COLOURS, PHOTO_SHARE = 24, 0.1
SHOWN_STEPS = (0, 20, 40, 80, 120, 160, 200)


def add_parser(commands: Commands) -> None:
    """Adds ``palette`` to the sub-commands of ``asap data``."""
    palette = commands.add(
        "palette",
        "find the colours that stand for classes in label maps, JPEG files too",
        "asap data palette DIR --out palette.png",
        "asap data palette DIR data=pairs --half right --count 12",
    )
    palette.add_argument("root", type=Path, help="folder of the data set, or of label maps")
    palette.add_argument("overrides", nargs="*", metavar="key=value", help=AS_FOR_TRAINING)
    palette.add_argument(
        "--half",
        choices=tuple(DIRECTIONS),
        help="which half of side-by-side pairs holds the label maps (default: found)",
    )
    palette.add_argument(
        "--count", type=int, metavar="N", help="number of colours (default: all that are frequent)"
    )
    palette.add_argument(
        "--tolerance",
        type=float,
        metavar="N",
        help="colours up to this distance are one class, 0 to 442 (default: found)",
    )
    palette.add_argument(
        "--files",
        type=int,
        default=200,
        metavar="N",
        help="how many files are read, evenly chosen (default: %(default)s)",
    )
    palette.add_argument(
        "--out",
        type=Path,
        default=Path("palette.png"),
        metavar="PNG",
        help="picture of the colours (default: %(default)s)",
    )
    palette.set_defaults(action=propose_palette)


def propose_palette(options: argparse.Namespace) -> int:
    """Counts the colours, prints the palette and writes its picture."""
    from asap_lightning.data.palette_find import propose
    from asap_lightning.data.palette_sheet import examples, palette_sheet
    from asap_lightning.data.panels import save_png

    _require_sensible(options)
    name, layout = label_layout(options)
    items = layout.items("train")
    chosen = spread(items, options.files)
    counts = counted_colours(layout, chosen)
    proposal = propose(counts, count=options.count, tolerance=options.tolerance)
    _print(options.root, name, layout, f"{len(chosen)} of {len(items)}", counts, proposal)
    tolerance = proposal.tolerance
    some = (picture for picture, _ in pictures(layout, chosen[: 5 * TRIED], "choosing examples"))
    shown = examples(some, proposal.colours, tolerance)
    title = f"{options.root.absolute().name}: {len(proposal.colours)} colours, tolerance {tolerance:g}"
    save_png(options.out, palette_sheet(proposal.colours, proposal.shares, shown, title))
    print(f"picture  {options.out}")
    return 0


def _require_sensible(options: argparse.Namespace) -> None:
    if not options.root.exists():
        raise UserError(f"{options.root}: there is no such folder")
    for name in ("count", "files"):
        number = getattr(options, name)
        if number is not None and number < 1:
            raise UserError(f"--{name} {number}: a number from 1 on was expected")
    if options.count is not None and options.count > 256:
        raise UserError(f"--count {options.count}: at most 256 colours can be proposed")
    if options.tolerance is not None and not 0 <= options.tolerance <= 442:
        raise UserError(f"--tolerance {options.tolerance:g}: a distance from 0 to 442 was expected")
    if options.out.suffix.lower() != ".png":
        raise UserError(
            f"--out {options.out}: the picture is a PNG file, so a name that ends in .png is needed"
        )


def label_layout(options: argparse.Namespace) -> tuple[str | None, LabelLayout]:
    """The data set's label maps, and the name of its ``data=``; None for a mere folder of label maps."""
    from asap_lightning.data.layouts import ConditionFolder, LabelLayout, recognise

    given = list(options.overrides)
    named = next((word.removeprefix("data=") for word in given if word.startswith("data=")), None)
    found = recognise(options.root) if named is None else None
    name = named or (found.config if found is not None else None)
    if name is not None and name not in LAYOUTS:
        raise UserError(
            f"data={name}: the label files of this data set hold class ids that it defines, and need no "
            f"palette. Palettes are for data={', '.join(LAYOUTS)} and for folders of label maps"
        )
    if options.half is not None and name != "pairs":
        raise UserError("--half is for pairs, two pictures side by side in a file (data=pairs)")
    if name is None:
        if given:
            raise UserError(f"{given[0]}: say which layout this is for with data=NAME, one of {LAYOUTS}")
        return None, ConditionFolder(options.root, condition="label", num_classes=1)
    if name == "pairs" and not any(word.startswith("data.layout.direction=") for word in given):
        halves = [options.half] if options.half else list(DIRECTIONS)
        layouts = [_built(options.root, name, given, DIRECTIONS[half]) for half in halves]
        layout = layouts[0] if len(layouts) == 1 else max(layouts, key=_sameness)
    elif options.half is not None:
        raise UserError("--half and data.layout.direction say the same thing: leave one of them out")
    else:
        layout = _built(options.root, name, given, None)
    assert isinstance(layout, LabelLayout)
    return name, layout


def _built(root: Path, name: str, given: list[str], direction: str | None) -> Any:
    from asap_lightning.configuration.data_layout import layout_of

    words = {word.split("=")[0].lstrip("+") for word in given}
    implied = {"data": name, "data.layout.condition": "label", "data.layout.num_classes": "1"}
    if direction is not None:
        implied["data.layout.direction"] = direction
    return layout_of(root, [f"{k}={v}" for k, v in implied.items() if k not in words] + given)


def _sameness(layout: LabelLayout) -> float:
    """How much of the first pictures is exactly of a frequent colour: label maps have that, photos do not."""
    from asap_lightning.data.palette_find import propose

    try:
        return propose(counted_colours(layout, spread(layout.items("train"), TRIED))).within[0]
    except UserError:
        return 0.0


def spread(items: list[Item], count: int) -> list[Item]:
    """So many of the items, evenly over all."""
    step = max(1.0, len(items) / count)
    return [items[int(index * step)] for index in range(min(count, len(items)))]


def pictures(
    layout: LabelLayout, items: list[Item], doing: str
) -> Iterator[tuple[NDArray[np.uint8], Source]]:
    """The colours of label maps and their files, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    from asap_lightning.data.reading import label_colours

    console = Console(stderr=True)
    bar: Iterable[Item] = track(items, doing, console=console, disable=not console.is_terminal)
    for item in bar:
        yield label_colours(layout.label_image(item), item.condition), item.condition


def counted_colours(layout: LabelLayout, items: list[Item]) -> ColourCounts:
    """How often each colour occurs in some label maps."""
    from asap_lightning.data.lossy import lossy_format
    from asap_lightning.data.palette_find import ColourCounts

    counts = ColourCounts()
    for picture, path in pictures(layout, items, "counting colours"):
        counts.add(picture, lossy=lossy_format(path) is not None)
    return counts


def _print(
    root: Path, name: str | None, layout: LabelLayout, files: str, counts: ColourCounts, proposal: Proposal
) -> None:
    from rich.console import Console

    direction = getattr(layout, "direction", None)
    halves = {"AtoB": ", left halves", "BtoA": ", right halves"} if name == "pairs" else {}
    half = halves.get(str(direction), "")
    print(f"{root}: {files} files{half}; {counts.drawn} of them lossless with at most 256 colours")
    Console().print(_table(proposal))
    if not proposal.exact:
        steps = ", ".join(f"{step}: {proposal.within[step]:.1%}" for step in SHOWN_STEPS)
        print(f"pixels within a distance of these colours: {steps}")
    for hint in _hints(counts, proposal):
        print(hint)
    print(f"\nfor the command line:\n\n  {_words(name, direction, proposal)}")
    print(f"\nfor a YAML file:\n\n{_yaml(name, direction, proposal)}\n")


def _hints(counts: ColourCounts, proposal: Proposal) -> list[str]:
    hints = []
    greatest = max(max(colour) for colour in proposal.colours)
    if counts.grey == counts.pictures and counts.exact and greatest < len(proposal.colours) + 8:
        hints.append(
            f"these files hold the grey values 0..{greatest}, as class ids do: they need no palette but "
            f"data.layout.num_classes={greatest + 1}"
        )
    if len(proposal.colours) > PHOTO_COLOURS and proposal.within[0] < PHOTO_SHARE:
        hints.append(
            f"only {proposal.within[0]:.1%} of the pixels have exactly one of these colours: the pictures "
            "look like photos. The label maps may be the other half, or in another folder"
        )
    return hints


def _table(proposal: Proposal) -> Any:
    from rich.table import Table

    from asap_lightning.data.palette_sheet import hexadecimal

    table = Table(caption=f"no colour within {proposal.tolerance:g}: {proposal.unmatched:.2%} of the pixels")
    for title in ("class", "colour", "red, green, blue", "pixels"):
        table.add_column(title, justify="right")
    for index, (colour, share) in enumerate(zip(proposal.colours, proposal.shares, strict=True)):
        code = hexadecimal(colour)
        table.add_row(str(index), f"[on {code}]    [/] {code}", ", ".join(map(str, colour)), f"{share:.2%}")
    return table


def _settings(direction: str | None, proposal: Proposal) -> dict[str, Any]:
    settings: dict[str, Any] = {"direction": direction} if direction is not None else {}
    settings |= {"condition": "label", "num_classes": len(proposal.colours)}
    if proposal.tolerance:
        settings |= {"has_unknown": "true", "palette_tolerance": f"{proposal.tolerance:g}"}
    return settings


def _words(name: str | None, direction: str | None, proposal: Proposal) -> str:
    words = [f"data={name}"] if name else []
    words += [f"data.layout.{key}={value}" for key, value in _settings(direction, proposal).items()]
    colours = ",".join(f"[{r},{g},{b}]" for r, g, b in proposal.colours)
    return " ".join([*words, f"'data.layout.palette=[{colours}]'"])


def _yaml(name: str | None, direction: str | None, proposal: Proposal) -> str:
    lines = ["data:", "  layout:"]
    lines += [f"    {key}: {value}" for key, value in _settings(direction, proposal).items()]
    lines += ["    palette:", *(f"      - {list(colour)}" for colour in proposal.colours)]
    return "\n".join(lines)
