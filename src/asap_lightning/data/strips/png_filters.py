"""Undoing the filters of PNG rows (ISO/IEC 15948, clause 9).

None, Sub and Up are sums along rows and columns. Average and Paeth depend on the pixel just computed, which
no array operation can follow, so Pillow undoes them, in a small file made of these rows alone.

Axes: R rows, N bytes of a row.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.data.strips.png_chunks import SIGNATURE, chunk

NONE, SUB, UP, AVERAGE, PAETH = range(5)
_COLOUR_OF_LANES = {1: 0, 2: 4, 3: 2, 4: 6}


def unfilter(rows: NDArray[np.uint8], before: NDArray[np.uint8], pixel_bytes: int) -> NDArray[np.uint8]:
    """The bytes (R, N) of filtered rows.

    Args:
        rows: (R, 1 + N), each with the number of its filter in front; overwritten.
        before: (N,) the unfiltered row above the first; zeros for the first of a picture.
        pixel_bytes: how far back a filter reaches.

    Raises:
        ValueError: an unknown filter.
    """
    kinds, values = rows[:, 0], rows[:, 1:]
    if kinds.max(initial=0) > PAETH:
        raise ValueError(f"row filter {int(kinds.max())} is not one of PNG's")
    if (kinds >= AVERAGE).any():
        return _by_pillow(rows, before, pixel_bytes)
    for index in np.flatnonzero(kinds):
        if kinds[index] == UP:
            values[index] += values[index - 1] if index else before
        else:
            pixels = values[index, : values.shape[1] // pixel_bytes * pixel_bytes].reshape(-1, pixel_bytes)
            np.add.accumulate(pixels, axis=0, dtype=np.uint8, out=pixels)
    return values


def _by_pillow(rows: NDArray[np.uint8], before: NDArray[np.uint8], pixel_bytes: int) -> NDArray[np.uint8]:
    """Filters work on each byte of a pixel apart, so those of wide pixels are undone in two halves."""
    count, size = rows.shape[0], before.size
    out = np.empty((count, size // pixel_bytes, pixel_bytes), np.uint8)
    lanes = pixel_bytes if pixel_bytes <= 4 else pixel_bytes // 2
    for first in range(0, pixel_bytes, lanes):
        part = slice(first, first + lanes)
        file = np.empty((count + 1, 1 + size // pixel_bytes * lanes), np.uint8)
        file[0, 0], file[1:, 0] = NONE, rows[:, 0]
        file[0, 1:] = before.reshape(-1, pixel_bytes)[:, part].reshape(-1)
        file[1:, 1:] = rows[:, 1:].reshape(count, -1, pixel_bytes)[:, :, part].reshape(count, -1)
        out[:, :, part] = _decoded(file, lanes)[1:].reshape(count, -1, lanes)
    return out.reshape(count, size)


def _decoded(filtered: NDArray[np.uint8], lanes: int) -> NDArray[np.uint8]:
    height, width = filtered.shape[0], (filtered.shape[1] - 1) // lanes
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_OF_LANES[lanes], 0, 0, 0)
    packed = zlib.compress(filtered.tobytes(), level=0)
    content = b"".join((SIGNATURE, chunk(b"IHDR", header), chunk(b"IDAT", packed), chunk(b"IEND", b"")))
    with Image.open(BytesIO(content), formats=("PNG",)) as image:
        return np.asarray(image)
