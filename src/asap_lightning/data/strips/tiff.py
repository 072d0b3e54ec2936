"""TIFF and BigTIFF files by strips.

A TIFF file stores tiles or strips that are compressed each on its own. Pillow decodes a whole file only, so
each piece is handed to it as a small file of its own, with the tags that say how it is stored: whatever
compression Pillow's libtiff knows is read, with the meaning that Pillow gives it.
"""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from asap_lightning.data.formats import open_tiff
from asap_lightning.data.strips.strips import LARGEST_PIECE, NotInStrips, Strips

_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL = 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES, _PLANAR = 273, 274, 277, 278, 279, 284
_PREDICTOR, _PALETTE, _TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS, _TILE_BYTES = 317, 320, 322, 323, 324, 325
_EXTRA, _FORMAT, _JPEG_TABLES, _SUBSAMPLING, _REFERENCE = 338, 339, 347, 530, 532
_KEPT = (
    *(_BITS, _COMPRESSION, _PHOTOMETRIC, _FILL, _SAMPLES, _PLANAR, _PREDICTOR, _PALETTE, _EXTRA, _FORMAT),
    *(_JPEG_TABLES, _SUBSAMPLING, _REFERENCE),
)
"""Tags that say how a piece is stored."""
_BYTE, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 1, 3, 4, 5, 7


class Grid(NamedTuple):
    """How a file is cut: pieces of ``width`` x ``height`` pixels, row by row."""

    width: int
    height: int
    across: int
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


class TiffStrips(Strips):
    """The first page of a TIFF file.

    Raises:
        UserError: damaged, or in pieces that are too large.
        NotInStrips: turned, or its channels lie in planes of their own.
    """

    def __init__(self, path: Path) -> None:
        with open_tiff(path) as opened:
            super().__init__(path, *opened.size)
            self._mode = opened.mode
            self._little = opened.tag_v2.prefix == b"II"
            tags = {tag: opened.tag_v2[tag] for tag in opened.tag_v2}
        if tags.get(_ORIENTATION, 1) != 1:
            raise NotInStrips("it says that it is to be turned")
        if tags.get(_PLANAR, 1) != 1:
            raise NotInStrips("its channels lie apart")
        self._grid = self._cut(tags)
        self._tags = {tag: tags[tag] for tag in _KEPT if tag in tags}
        self._file = path.open("rb")
        self._pieces: dict[int, Image.Image] = {}

    def read(self, top: int, bottom: int) -> Image.Image:
        grid = self._grid
        made: Image.Image | None = None
        used: dict[int, Image.Image] = {}
        for row in range(top // grid.height, (bottom - 1) // grid.height + 1):
            for column in range(grid.across):
                index = row * grid.across + column
                piece = self._pieces.get(index)
                piece = self._decoded(index, row) if piece is None else piece
                if made is None:
                    made = self._empty(piece, bottom - top)
                made.paste(piece, (column * grid.width, row * grid.height - top))
                if (row + 1) * grid.height > bottom:  # the next strip begins in it
                    used[index] = piece
        self._pieces = used
        assert made is not None
        return made

    def close(self) -> None:
        self._file.close()
        self._pieces = {}

    def _cut(self, tags: dict[int, Any]) -> Grid:
        if _TILE_OFFSETS in tags:
            width, height = int(tags.get(_TILE_WIDTH, 0)), int(tags.get(_TILE_LENGTH, 0))
            offsets, sizes = tags[_TILE_OFFSETS], tags.get(_TILE_BYTES, ())
        else:
            width, height = self.width, min(int(tags.get(_ROWS_PER_STRIP, self.height)), self.height)
            offsets, sizes = tags.get(_STRIP_OFFSETS, ()), tags.get(_STRIP_BYTES, ())
        if width < 1 or height < 1:
            raise self.damaged("its pieces have no size")
        across, down = -(-self.width // width), -(-self.height // height)
        if min(len(offsets), len(sizes)) < across * down:
            raise self.damaged(f"{across * down} pieces were expected, it names {len(offsets)}")
        bits = tags.get(_BITS, (1,))
        size = width * height * sum(bits if isinstance(bits, tuple) else (bits,)) // 8
        if size > LARGEST_PIECE:
            raise self.too_coarse("pieces", size)
        return Grid(width, height, across, offsets, sizes)

    def _empty(self, like: Image.Image, rows: int) -> Image.Image:
        made = Image.new(like.mode, (self.width, rows))
        if like.mode == "P":
            made.putpalette(like.getpalette("RGB") or [], "RGB")
        return made

    def _decoded(self, index: int, row: int) -> Image.Image:
        grid = self._grid
        offset, size = grid.offsets[index], grid.sizes[index]
        # no encoding makes pixels larger than by a little
        if not 0 < size <= 2 * LARGEST_PIECE:
            raise self.damaged(f"piece {index} has {size} bytes")
        self._file.seek(offset)
        content = self._file.read(size)
        if len(content) != size:
            raise self.damaged(f"piece {index} lies beyond the end of the file")
        # a strip at the end holds the rows that are left, a tile is always whole
        whole = grid.across > 1 or grid.width != self.width
        height = grid.height if whole else min(grid.height, self.height - row * grid.height)
        try:
            with Image.open(BytesIO(self._small_file(content, height)), formats=("TIFF",)) as image:
                image.load()
        except Exception as error:  # whatever libtiff meets in a damaged piece
            raise self.damaged(f"piece {index}: {error}") from error
        if image.mode != self._mode:
            raise self.damaged(f"piece {index} is {image.mode}, the file {self._mode}")
        return image

    def _small_file(self, content: bytes, height: int) -> bytes:
        """A TIFF file of one strip."""
        order = "<" if self._little else ">"
        entries = dict(self._tags)
        entries.update({_WIDTH: self._grid.width, _LENGTH: height, _ROWS_PER_STRIP: height})
        entries.update({_STRIP_OFFSETS: 0, _STRIP_BYTES: len(content)})
        start = 8 + 2 + 12 * len(entries) + 4
        directory, beyond = b"", b""
        packed = {tag: _packed(tag, value, order) for tag, value in entries.items()}
        pixels = start + sum(len(data) + len(data) % 2 for _, _, data in packed.values() if len(data) > 4)
        packed[_STRIP_OFFSETS] = _packed(_STRIP_OFFSETS, pixels, order)
        for tag, (kind, count, data) in sorted(packed.items()):
            value = data.ljust(4, b"\0")
            if len(data) > 4:
                value = struct.pack(order + "I", start + len(beyond))
                beyond += data + b"\0" * (len(data) % 2)
            directory += struct.pack(order + "HHI", tag, kind, count) + value
        head = (b"II" if self._little else b"MM") + struct.pack(order + "HIH", 42, 8, len(entries))
        return head + directory + struct.pack(order + "I", 0) + beyond + content


def _packed(tag: int, value: Any, order: str) -> tuple[int, int, bytes]:
    """Type, count and bytes of a tag's value."""
    if isinstance(value, bytes):
        return _UNDEFINED, len(value), value
    values = value if isinstance(value, tuple | list) else (value,)
    if tag == _REFERENCE:
        pairs = [(int(v.numerator), int(v.denominator)) for v in values]
        return _RATIONAL, len(pairs), b"".join(struct.pack(order + "II", *pair) for pair in pairs)
    long = tag in (_WIDTH, _LENGTH, _ROWS_PER_STRIP, _STRIP_OFFSETS, _STRIP_BYTES)
    return (
        _LONG if long else _SHORT,
        len(values),
        struct.pack(f"{order}{len(values)}{'I' if long else 'H'}", *(int(v) for v in values)),
    )
