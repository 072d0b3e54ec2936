"""A picture of a palette: swatches, shares, and for each colour a part of a file that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from asap_lightning.data.palette_match import Colour, nearest, pack

Picture = NDArray[np.uint8]
CELL = 96
_ROWS, _GAP, _TEXT = 16, 8, 150
_PAPER, _INK, _GREY = (250, 250, 250), (20, 20, 20), (110, 110, 110)
_DIMMED = 0.25


def hexadecimal(colour: Colour) -> str:
    """As on web pages: ``#0030ff``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def examples(
    pictures: Iterable[Picture], colours: Sequence[Colour], tolerance: float
) -> list[tuple[Picture, Picture] | None]:
    """For each colour a square of some picture that shows it and others; None where it does not occur.

    Of all squares of `CELL` pixels that one is taken of which the colour fills about half.

    Returns:
        Each time the square, and the same with every other colour dimmed.
    """
    best: list[tuple[int, Picture, NDArray[np.bool_]] | None] = [None] * len(colours)
    for picture in pictures:
        number, squared = nearest(pack(picture), colours)
        number[squared > tolerance**2] = len(colours)
        for top in range(0, max(1, picture.shape[0] - CELL + 1), CELL):
            for left in range(0, max(1, picture.shape[1] - CELL + 1), CELL):
                square = slice(top, top + CELL), slice(left, left + CELL)
                shown = number[square]
                counts = np.bincount(shown.reshape(-1), minlength=len(colours))
                for index in np.flatnonzero(counts[: len(colours)]):
                    score, known = min(int(counts[index]), shown.size // 2), best[index]
                    if known is None or score > known[0]:
                        best[index] = score, picture[square], shown == index
    return [None if found is None else (found[1], _alone(found[1], found[2])) for found in best]


def _alone(picture: Picture, own: NDArray[np.bool_]) -> Picture:
    dimmed = 255 - (255 - picture.mean(-1, keepdims=True)) * _DIMMED
    return np.where(own[..., None], picture, dimmed).astype(np.uint8)


def palette_sheet(
    colours: Sequence[Colour],
    shares: Sequence[float],
    shown: Sequence[tuple[Picture, Picture] | None],
    title: str,
) -> Picture:
    """A row for each colour: swatch, class id, hexadecimal and decimal colour, share, example.

    Args:
        colours: in the order of the classes.
        shares: of the pixels.
        shown: what `examples` gives.
        title: above all.
    """
    columns = -(-len(colours) // _ROWS)
    width, height = 3 * (CELL + _GAP) + _TEXT + 2 * _GAP, CELL + _GAP
    top = 32
    size = columns * width + _GAP, top + min(len(colours), _ROWS) * height + _GAP
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, top // 2), title, fill=_INK, font=ImageFont.load_default(size=14), anchor="lm")
    for index, colour in enumerate(colours):
        x, y = _GAP + index // _ROWS * width, top + index % _ROWS * height
        draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=colour, outline=_GREY)
        _write(draw, x + CELL + _GAP, y, index, colour, shares[index])
        for place, picture in enumerate(shown[index] or ()):
            sheet.paste(Image.fromarray(picture), (x + CELL + _TEXT + place * (CELL + _GAP), y))
    return np.asarray(sheet)


def _write(draw: ImageDraw.ImageDraw, x: int, y: int, index: int, colour: Colour, share: float) -> None:
    small = ImageFont.load_default(size=13)
    draw.text((x, y), f"class {index}", fill=_INK, font=ImageFont.load_default(size=16))
    lines = (hexadecimal(colour), ", ".join(map(str, colour)), f"{share:.2%} of the pixels")
    for row, line in enumerate(lines, 1):
        draw.text((x, y + 6 + 20 * row), line, fill=_GREY if row == 3 else _INK, font=small)
