"""Cloud Optimized GeoTIFF: a tiled TIFF whose directories come first and which carries smaller versions.

The layout follows the OGC standard (21-026): the header, the directories of the image and of its overviews,
then the tiles, those of the smallest overview first. A reader on the other side of a network gets everything
it needs to know with its first request, and an overview with few more. Sizes of tiles are known only when all
are packed, so they wait in temporary files. The image says nothing of a place on the earth.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from asap_lightning.inference.large.tiles import SIDE, filled

_SHORT, _LONG, _ASCII, _LONG8 = 3, 4, 2, 16
_CODE = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}
_OFFSETS = 324


class Level:
    """The image at one resolution: rows go in from top to bottom, packed tiles into a temporary file.

    Args:
        height, width: of this resolution.
        folder: for temporary files.
    """

    def __init__(self, height: int, width: int, folder: Path) -> None:
        self.height, self.width = height, width
        self.packed: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        self.sizes: list[int] = []
        self._waiting = np.empty((0, width, 3), np.uint8)
        self._odd = np.empty((0, width, 3), np.uint8)
        small = max(height, width) > SIDE
        self.next = Level(-(-height // 2), -(-width // 2), folder) if small else None

    def add(self, rows: NDArray[np.uint8]) -> None:
        """Takes in rows (h, W, 3), and hands them on at half the size."""
        waiting = np.concatenate([self._waiting, rows])
        while len(waiting) >= SIDE:
            self._pack(waiting[:SIDE])
            waiting = waiting[SIDE:]
        self._waiting = waiting
        if self.next is not None:
            rows = np.concatenate([self._odd, rows])
            even = len(rows) // 2 * 2
            self._odd = rows[even:]
            if even:
                self.next.add(halved(rows[:even]))

    def finish(self) -> None:
        """No more rows come."""
        if len(self._waiting):
            self._pack(self._waiting)
        if self.next is not None:
            if len(self._odd):
                self.next.add(halved(np.repeat(self._odd, 2, axis=0)))
            self.next.finish()

    def close(self) -> None:
        """Removes the temporary files."""
        self.packed.close()
        if self.next is not None:
            self.next.close()

    def all(self) -> list[Level]:
        """This resolution and the smaller ones."""
        return [self, *(self.next.all() if self.next is not None else [])]

    def _pack(self, rows: NDArray[np.uint8]) -> None:
        for left in range(0, self.width, SIDE):
            tile = filled(rows[:, left : left + SIDE], SIDE)
            differences = tile.copy()
            differences[:, 1:] -= tile[:, :-1]  # TIFF's predictor 2
            packed = zlib.compress(differences.tobytes())
            self.packed.write(packed)
            self.sizes.append(len(packed))


def halved(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(2 h, W, 3) -> (h, ceil(W / 2), 3): means of 2 x 2 pixels, rounded; an odd last column is repeated."""
    if rows.shape[1] % 2:
        rows = np.concatenate([rows, rows[:, -1:]], axis=1)
    wide = rows.astype(np.uint16)
    sums = wide[0::2, 0::2] + wide[1::2, 0::2] + wide[0::2, 1::2] + wide[1::2, 1::2]
    return ((sums + 2) // 4).astype(np.uint8)


def write_cog(
    file: IO[bytes],
    strips: Iterable[NDArray[np.uint8]],
    height: int,
    width: int,
    about: str,
    folder: Path,
) -> None:
    """Writes an image (H, W, 3) with overviews, as BigTIFF.

    Args:
        file: open for writing.
        strips: from top to bottom.
        height, width: of the image.
        about: what it was made from, its ImageDescription.
        folder: for temporary files, which together take as much as the result.
    """
    image = Level(height, width, folder)
    try:
        for strip in strips:
            image.add(strip)
        image.finish()
        levels = image.all()
        texts = [(level, "" if index else about) for index, level in enumerate(levels)]
        start = 16 + sum(len(_directory(level, text, 0, 0)) for level, text in texts)
        first = [0] * len(levels)
        for index in reversed(range(len(levels))):  # the smallest lies first
            first[index], start = start, start + sum(levels[index].sizes)
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16))
        at = 16
        for index, (level, text) in enumerate(texts):
            directory = _directory(level, text, at, first[index], last=index + 1 == len(levels))
            file.write(directory)
            at += len(directory)
        for level in reversed(levels):
            level.packed.seek(0)
            shutil.copyfileobj(level.packed, file, 1 << 20)
    finally:
        image.close()


def _directory(level: Level, about: str, at: int, first: int, *, last: bool = False) -> bytes:
    """A directory with the values it points to, as it lies from byte ``at`` on; tiles begin at ``first``.

    ``about`` is empty for overviews.
    """
    offsets = np.cumsum([first, *level.sizes[:-1]]).tolist()
    entries: list[tuple[int, int, list[int] | bytes]] = [
        (256, _LONG, [level.width]),
        (257, _LONG, [level.height]),
        (258, _SHORT, [8, 8, 8]),
        (259, _SHORT, [8]),  # deflate
        (262, _SHORT, [2]),  # RGB
        (277, _SHORT, [3]),
        (284, _SHORT, [1]),
        (317, _SHORT, [2]),
        (322, _SHORT, [SIDE]),
        (323, _SHORT, [SIDE]),
        (_OFFSETS, _LONG8, offsets),
        (325, _LONG8, level.sizes),
    ]
    if about:
        entries.append((270, _ASCII, about.encode("ascii", "replace") + b"\0"))
    else:
        entries.append((254, _LONG, [1]))  # a smaller version of another image
    return _packed(sorted(entries), at, last)


def _packed(entries: list[tuple[int, int, list[int] | bytes]], at: int, last: bool) -> bytes:
    size = 8 + 20 * len(entries) + 8
    table, beyond = struct.pack("<Q", len(entries)), b""
    for tag, kind, values in entries:
        if isinstance(values, bytes):
            count, data = len(values), values
        else:
            count, data = len(values), struct.pack(f"<{len(values)}{_CODE[kind]}", *values)
        value = data.ljust(8, b"\0")
        if len(data) > 8:
            value = struct.pack("<Q", at + size + len(beyond))
            beyond += data + b"\0" * (-len(data) % 8)
        table += struct.pack("<HHQ", tag, kind, count) + value
    following = 0 if last else at + size + len(beyond)
    return table + struct.pack("<Q", following) + beyond
