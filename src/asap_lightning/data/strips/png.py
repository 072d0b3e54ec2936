"""PNG files by strips.

Pillow decodes a whole file, and libraries that read by rows (libvips, OpenCV) turn palettes into colours,
which loses class ids. So the stream of rows is unpacked here; what a row means is left to Pillow.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from asap_lightning.data.strips.png_chunks import Inflated, packed_pieces, read_header
from asap_lightning.data.strips.png_filters import unfilter
from asap_lightning.data.strips.strips import LARGEST_PIECE, NotInStrips, Strips

MOST_PACKED = 1032
"""Deflate makes nothing smaller by a greater factor: a file that promises more is cut off."""
AT_ONCE = 1 << 23
"""Bytes of rows that are unpacked at a time."""
_MODES = {
    (0, 1): ("1", "1"),
    (0, 2): ("L", "L;2"),
    (0, 4): ("L", "L;4"),
    (0, 8): ("L", "L"),
    (0, 16): ("I;16", "I;16B"),
    (2, 8): ("RGB", "RGB"),
    (2, 16): ("RGB", "RGB;16B"),
    (3, 1): ("P", "P;1"),
    (3, 2): ("P", "P;2"),
    (3, 4): ("P", "P;4"),
    (3, 8): ("P", "P"),
    (4, 8): ("LA", "LA"),
    (4, 16): ("RGBA", "LA;16B"),
    (6, 8): ("RGBA", "RGBA"),
    (6, 16): ("RGBA", "RGBA;16B"),
}
"""PNG's colour type and depth -> mode and raw mode, as Pillow reads PNG files."""


class PngStrips(Strips):
    """A PNG file, upright and without interlacing.

    Raises:
        UserError: damaged, or cut off as its size shows.
        NotInStrips: interlaced or turned: its rows are not in order.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._open(path)
        except BaseException:
            self._file.close()
            raise
        self._restart()

    def _open(self, path: Path) -> None:
        try:
            self._header = read_header(self._file)
        except ValueError as error:
            self.path = path
            raise self.damaged(error) from error
        super().__init__(path, self._header.width, self._header.height)
        if self._header.interlaced:
            raise NotInStrips("its rows are interlaced")
        if self._header.turned:
            raise NotInStrips("it says that it is to be turned")
        row = self._header.row_bytes + 1
        if row > LARGEST_PIECE:
            raise self.too_coarse("rows", row)
        size = os.fstat(self._file.fileno()).st_size
        if size * MOST_PACKED < row * self.height:
            raise self.damaged(f"its {size} bytes cannot hold {self.width} x {self.height} pixels")

    def read(self, top: int, bottom: int) -> Image.Image:
        if top < self._next:
            self._restart()
        try:
            while self._next < top:
                self._rows(min(top - self._next, self._at_once))
            made = np.empty((bottom - top, self._header.row_bytes), np.uint8)
            while self._next < bottom:
                at = self._next - top
                some = self._rows(min(bottom - self._next, self._at_once))
                made[at : at + some.shape[0]] = some
        except ValueError as error:
            self._restart()
            raise self.damaged(error) from error
        return self._picture(made)

    def close(self) -> None:
        self._file.close()

    @property
    def _at_once(self) -> int:
        return max(1, AT_ONCE // (self._header.row_bytes + 1))

    def _restart(self) -> None:
        self._bytes = Inflated(packed_pieces(self._file, self._header.start))
        self._before = np.zeros(self._header.row_bytes, np.uint8)
        self._next = 0

    def _rows(self, count: int) -> np.ndarray:
        """The next rows, unfiltered: (count, row_bytes)."""
        filtered = np.empty((count, self._header.row_bytes + 1), np.uint8)
        self._bytes.read_into(filtered.data.cast("B"))
        rows = unfilter(filtered, self._before, self._header.pixel_bytes)
        self._before = rows[-1].copy()
        self._next += count
        return rows

    def _picture(self, rows: np.ndarray) -> Image.Image:
        header = self._header
        mode, raw = _MODES[header.colour, header.depth]
        image = Image.frombytes(mode, (self.width, rows.shape[0]), rows.data, "raw", raw)
        if header.colour == 3:
            image.putpalette(header.palette, "RGB")
            if header.transparency:
                image.info["transparency"] = header.transparency
        return image
