"""Pictures of a bank: segments of every class; layouts with what was found for them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from asap_lightning.data.panels import Picture, fit, tile
from asap_lightning.data.sample import Sample
from asap_lightning.segments.bank import Bank
from asap_lightning.segments.canvases import Canvases
from asap_lightning.wording import counted

CELL, GAP, TEXT = 96, 6, 150
PAPER, INK, GREY = (250, 250, 250), (20, 20, 20), (110, 110, 110)
COLUMNS = ("layout", "pieces", "canvas", "photo")


def class_sheet(bank: Bank, columns: int = 10) -> Picture:
    """A row for each class that the bank has segments of: its colour and name, and some, by size.

    The segments are spread evenly over their class from the smallest to the largest; all are shown enlarged
    or reduced to one size, on white.
    """
    classes = [one for one in range(bank.spec.num_classes) if len(bank.of_class(one))]
    height, width = len(classes) * (CELL + GAP) + GAP, TEXT + columns * (CELL + GAP) + GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, class_id in enumerate(classes):
        numbers = np.array(bank.of_class(class_id))
        by_size = numbers[np.argsort(bank.table["area"][numbers], kind="stable")]
        shown = by_size[np.unique(np.linspace(0, len(by_size) - 1, columns).round().astype(int))]
        y = GAP + row * (CELL + GAP)
        _title(draw, y, bank, class_id, len(numbers))
        for column, number in enumerate(shown):
            sheet.paste(Image.fromarray(_cell(bank, int(number))), (TEXT + column * (CELL + GAP), y))
    return np.asarray(sheet)


def _title(draw: ImageDraw.ImageDraw, y: int, bank: Bank, class_id: int, count: int) -> None:
    colour = bank.index.palette[class_id]
    draw.rectangle((GAP, y, GAP + 15, y + CELL - 1), fill=colour, outline=GREY)
    name = bank.spec.channel_names[class_id]
    draw.text((GAP + 22, y + 24), name[:18], fill=INK, font=ImageFont.load_default(size=14))
    text = counted(count, "segment")
    draw.text((GAP + 22, y + 46), text, fill=GREY, font=ImageFont.load_default(size=12))


def _cell(bank: Bank, number: int) -> Picture:
    """A segment on white, its longer side as long as a cell."""
    segment = bank.segment(number)
    mask = segment.region.mask[..., None]
    picture = Image.fromarray(np.where(mask, segment.colours, 255).astype(np.uint8))
    scale = CELL / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    cell = Image.new("RGB", (CELL, CELL), (255, 255, 255))
    cell.paste(picture.resize(size), ((CELL - size[0]) // 2, (CELL - size[1]) // 2))
    return np.asarray(cell)


def retrieval_sheet(canvases: Canvases, samples: Iterable[tuple[str, Sample]], longest: int = 256) -> Picture:
    """A row for each pair: layout, the pieces that were found as they lie, the canvas, the photo.

    Args:
        canvases: make them.
        samples: with the name that each would have in the bank, which is left out of the search.
        longest: larger pictures are shown with a longer side of this.
    """
    palette = np.array(canvases.bank.index.palette, np.uint8)
    rows = []
    for name, sample in samples:
        assert sample.label is not None
        canvas, _ = canvases.retrieved(sample.label, exclude=(name,))
        pieces = canvases.lay(sample.label, (name,))
        cells = [palette[sample.label], _on_white(pieces.colours, pieces.filled), canvas[..., :3]]
        if sample.photo is not None:
            cells.append(sample.photo)
        rows.append([fit(np.ascontiguousarray(cell), longest) for cell in cells])
    return tile(rows, COLUMNS[: max(map(len, rows))])


def _on_white(colours: NDArray[np.uint8], filled: NDArray[np.bool_]) -> Picture:
    return np.where(filled[..., None], colours, np.uint8(255))
