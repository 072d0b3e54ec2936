"""Sheets of pictures, each with its name above it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from asap_lightning.data.panels import Picture, fit, photo_to_image, tile

LONGEST = 320
"""Pixels of a picture's longer side on a sheet; larger ones are shown smaller, very small ones larger."""
LEAST = 120
"""Pixels that a name needs."""
WIDEST = 1600
ENLARGED = 256
"""To which small pictures are enlarged, by whole numbers."""


def shown(image: Tensor) -> Picture:
    """An image (1, C, H, W) or (C, H, W) in [-1, 1] as (H, W, 3) uint8; one channel is grey."""
    picture = photo_to_image(image[0] if image.dim() == 4 else image)
    return np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture


def sheet(cells: Sequence[tuple[str, Picture]], columns: int | None = None) -> Picture:
    """The pictures in rows, each under its name.

    Args:
        cells: name and picture.
        columns: None: as many as are about a screen wide.
    """
    pictures = [_sized(picture) for _, picture in cells]
    height = max(picture.shape[0] for picture in pictures)
    width = max(LEAST, *(picture.shape[1] for picture in pictures))
    if columns is None:
        columns = max(
            1, min(len(cells), WIDEST // width, math.ceil(math.sqrt(len(cells) * height / width * 1.6)))
        )
    placed = [_on_white(picture, height, width) for picture in pictures]
    rows = []
    for begin in range(0, len(cells), columns):
        row = placed[begin : begin + columns]
        names = [name for name, _ in cells[begin : begin + columns]]
        empty = columns - len(row)
        blank = np.full((height, width, 3), 255, np.uint8)
        rows.append(tile([[*row, *[blank] * empty]], [*names, *[""] * empty]))
    return np.concatenate(rows)


def _sized(picture: Picture) -> Picture:
    times = ENLARGED // max(picture.shape[:2])
    if times > 1:
        return picture.repeat(times, axis=0).repeat(times, axis=1)
    return fit(picture, LONGEST)


def _on_white(picture: Picture, height: int, width: int) -> Picture:
    canvas = np.full((height, width, 3), 255, np.uint8)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    canvas[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return canvas
