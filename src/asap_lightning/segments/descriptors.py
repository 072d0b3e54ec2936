"""What a region is searched by: coverage of the frame, context, shape.

Axes: N segments; cells of a grid of `GRID` x `GRID`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.segments.opencv import cv2
from asap_lightning.segments.regions import Box, Mask, Region

GRID = 16
"""Cells of every grid, down and across."""
CELLS = GRID * GRID
SHAPE_BYTES = CELLS // 8
LEAST_SIDE = GRID
"""Pixels that a frame has at least: each row and column of cells holds one."""
FULL = 255
ENLARGED = 1.25
"""Context is looked at in the box, enlarged by this (SIMS, section 4)."""


def context_type(channels: int) -> np.dtype[Any]:
    """Of context's ids, where a layout has so many label channels; its largest value is no channel."""
    return np.dtype("u1") if channels < np.iinfo(np.uint8).max else np.dtype("<u2")


def edges(side: int) -> NDArray[np.int64]:
    """(GRID + 1,) where the cells of a side begin and end: floor(i * side / GRID)."""
    return np.arange(GRID + 1) * side // GRID


def largest_cell(frame: tuple[int, int]) -> int:
    """Pixels of the largest cell."""
    return int(np.diff(edges(frame[0])).max() * np.diff(edges(frame[1])).max())


def coverage(region: Region) -> NDArray[np.uint8]:
    """(CELLS,) pixels of the region in every cell of the frame, of 255 for `largest_cell`, rounded up.

    Rounded up, so that the sum of the smaller ones of two regions' cells bounds their intersection from
    above.
    """
    sums = cv2.integral(region.mask.view(np.uint8))
    top, left, bottom, right = region.box
    rows = np.clip(edges(region.frame[0]) - top, 0, bottom - top)
    columns = np.clip(edges(region.frame[1]) - left, 0, right - left)
    counts = np.diff(np.diff(sums[np.ix_(rows, columns)].astype(np.int64), axis=0), axis=1)
    return (-(-counts * FULL // largest_cell(region.frame))).astype(np.uint8).reshape(-1)


def context(label: NDArray, box: Box, dtype: np.dtype[Any]) -> NDArray[Any]:
    """(CELLS,) class ids around a region: of the layout in the enlarged box, at the cells' centres.

    Args:
        label: (H, W).
        box: of the region.
        dtype: of `context_type`; cells outside the layout have its largest value.
    """
    places = []
    for begin, end, side in ((box[0], box[2], label.shape[0]), (box[1], box[3], label.shape[1])):
        length = (end - begin) * ENLARGED
        first = (begin + end - length) / 2
        place = np.floor(first + (np.arange(GRID) + 0.5) * length / GRID).astype(np.int64)
        places.append(np.where((place >= 0) & (place < side), place, -1))
    ids = label[np.ix_(np.maximum(places[0], 0), np.maximum(places[1], 0))].astype(dtype)
    outside = np.iinfo(dtype).max
    ids[places[0] < 0] = outside
    ids[:, places[1] < 0] = outside
    return ids.reshape(-1)


def context_iou(one: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """(N,) IoU of a context (CELLS,) and others (N, CELLS), summed over classes: a / (2 * CELLS - a).

    a is the number of cells that agree: the sum of the intersections; the unions sum to what is below.
    """
    equal = (others == one).view(np.uint64)  # eight cells a number: counting its bits is the quickest sum
    agreeing = np.bitwise_count(equal).sum(-1, dtype=np.int64)
    return agreeing / (2.0 * CELLS - agreeing)


def shape(mask: Mask) -> NDArray[np.uint8]:
    """(SHAPE_BYTES,) the mask in its own box at the cells' centres, as packed bits."""
    rows, columns = (((np.arange(GRID) + 0.5) * side / GRID).astype(np.int64) for side in mask.shape)
    return np.packbits(mask[np.ix_(rows, columns)])


def shape_iou(one: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(N,) IoU of a shape (SHAPE_BYTES,) and others (N, SHAPE_BYTES); 0 for two empty ones."""
    both = np.bitwise_count(one & others).sum(-1, dtype=np.int64)
    either = np.bitwise_count(one | others).sum(-1, dtype=np.int64)
    return both / np.maximum(either, 1)
