"""Strips of any height cut into rows of tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

SIDE = 512
"""Of a tile in pixels, in files that are written."""


def of_height(strips: Iterable[NDArray[np.uint8]], height: int = SIDE) -> Iterator[NDArray[np.uint8]]:
    """The same rows in strips of this height; the last may have less."""
    waiting: list[NDArray[np.uint8]] = []
    count = 0
    for strip in strips:
        waiting.append(strip)
        count += len(strip)
        while count >= height:
            rows = waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
            yield rows[:height]
            waiting, count = [rows[height:]], count - height
    if count:
        yield np.concatenate(waiting)


def tiles_of(strips: Iterable[NDArray[np.uint8]], side: int = SIDE) -> Iterator[NDArray[np.uint8]]:
    """Tiles (side, side, 3) row by row, those at the border filled up with their last pixels."""
    for rows in of_height(strips, side):
        for left in range(0, rows.shape[1], side):
            yield filled(rows[:, left : left + side], side)


def filled(tile: NDArray[np.uint8], side: int = SIDE) -> NDArray[np.uint8]:
    """A tile (h, w, 3) at the border as (side, side, 3), its last pixels repeated."""
    down, across = side - tile.shape[0], side - tile.shape[1]
    return np.pad(tile, ((0, down), (0, across), (0, 0)), "edge") if down or across else tile
