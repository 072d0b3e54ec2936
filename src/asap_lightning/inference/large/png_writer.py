"""PNG files written row by row."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import IO

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.strips.png_chunks import SIGNATURE, chunk

_SUB, _UP = 1, 2
_AT_ONCE = 1 << 22


def write_png(
    file: IO[bytes], strips: Iterable[NDArray[np.uint8]], height: int, width: int, texts: dict[str, str]
) -> None:
    """Writes strips (h, W, 3) as they come.

    Args:
        file: open for writing.
        strips: from top to bottom, together ``height`` rows.
        height, width: of the image.
        texts: what is noted in the file, by keyword; Latin-1.
    """
    file.write(SIGNATURE)
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
    for keyword, text in texts.items():
        file.write(chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("latin-1")))
    packer = zlib.compressobj()
    above = np.zeros((width, 3), np.uint8)
    rows_at_once = max(1, _AT_ONCE // (3 * width))
    for strip in strips:
        for top in range(0, len(strip), rows_at_once):
            rows = strip[top : top + rows_at_once]
            if packed := packer.compress(_filtered(rows, above).data):
                file.write(chunk(b"IDAT", packed))
            above = rows[-1]
    file.write(chunk(b"IDAT", packer.flush()))
    file.write(chunk(b"IEND", b""))


def _filtered(rows: NDArray[np.uint8], above: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each row less its left or its upper neighbours, whichever leaves smaller numbers: (h, 1 + 3 W)."""
    count, width, _ = rows.shape
    made = np.empty((count, 1 + 3 * width), np.uint8)
    upper = rows.copy()
    upper[0] -= above
    upper[1:] -= rows[:-1]
    left = rows.copy()
    left[:, 1:] -= rows[:, :-1]
    by_upper = _size(upper) < _size(left)
    made[:, 0] = np.where(by_upper, _UP, _SUB)
    made[:, 1:] = np.where(by_upper[:, None, None], upper, left).reshape(count, -1)
    return made


def _size(differences: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Of each row the sum of its numbers, taken as -128 to 127: small ones pack better."""
    # of 8 pixels one is looked at
    sample = differences[:, ::8].view(np.int8)
    return np.abs(sample.astype(np.int16)).reshape(len(sample), -1).sum(1, dtype=np.int64)
