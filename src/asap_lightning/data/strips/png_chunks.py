"""The chunks of a PNG file: its header, and its packed rows as one bounded stream (ISO/IEC 15948)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from PIL import ExifTags, Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_SMALL = 1 << 20
"""More bytes than a palette or another chunk that matters here may have."""
_PIECE = 1 << 16


@dataclass(frozen=True)
class PngHeader:
    """What stands before the pixels.

    Attributes:
        width, height: in pixels.
        depth: bits a channel.
        colour: PNG's number of the colour type.
        interlaced: whether the rows come in seven passes.
        palette, transparency, exif: the chunks' content; empty where there are none.
        texts: what is noted in the file, by keyword.
        start: where the first IDAT chunk begins.
    """

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool
    palette: bytes
    transparency: bytes
    exif: bytes
    texts: dict[str, str]
    start: int

    @property
    def pixel_bytes(self) -> int:
        """Bytes from a channel to the same of the pixel on the right: filters reach back as far."""
        return max(1, CHANNELS[self.colour] * self.depth // 8)

    @property
    def turned(self) -> bool:
        """Whether viewers show it turned or mirrored, as EXIF says."""
        exif = Image.Exif()
        exif.load(self.exif)
        return exif.get(ExifTags.Base.Orientation, 1) != 1

    @property
    def row_bytes(self) -> int:
        """Of one row without its filter's number."""
        return (self.width * CHANNELS[self.colour] * self.depth + 7) // 8


def read_header(file: IO[bytes]) -> PngHeader:
    """Reads up to the first row.

    Raises:
        ValueError: not a valid PNG file.
    """
    if file.read(8) != SIGNATURE:
        raise ValueError("no PNG signature")
    name, content = _small_chunk(file)
    if name != b"IHDR" or len(content) != 13:
        raise ValueError("no header chunk")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", content)
    if colour not in DEPTHS or depth not in DEPTHS[colour] or compression or filtering or interlace > 1:
        raise ValueError("its header makes no sense")
    kept = {b"PLTE": b"", b"tRNS": b"", b"eXIf": b""}
    texts: dict[str, str] = {}
    while True:
        at = file.tell()
        name, content = _small_chunk(file)
        if name == b"IDAT":
            break
        if name == b"IEND":
            raise ValueError("it has no pixels")
        if name in kept:
            kept[name] = content
        elif name == b"tEXt":
            keyword, _, text = content.decode("latin-1").partition("\0")
            texts[keyword] = text
    palette = kept[b"PLTE"]
    if (colour == 3 and not palette) or len(palette) % 3 or len(palette) > 768:
        raise ValueError("its palette makes no sense")
    beside = (palette, kept[b"tRNS"], kept[b"eXIf"], texts)
    return PngHeader(width, height, depth, colour, bool(interlace), *beside, at)


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk as it stands in a file: length, name, content, checksum."""
    checksum = struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))
    return b"".join((struct.pack(">I", len(content)), name, content, checksum))


def _small_chunk(file: IO[bytes]) -> tuple[bytes, bytes]:
    """Name and content of the next chunk; the content of pixels and of large ones is skipped."""
    length, name = _opening(file)
    if name == b"IDAT":
        return name, b""
    if length > _SMALL:
        file.seek(length + 4, 1)
        return name, b""
    content = file.read(length)
    if len(content) != length or file.read(4) != struct.pack(">I", zlib.crc32(content, zlib.crc32(name))):
        raise ValueError(f"chunk {name!r} is damaged")
    return name, content


def _opening(file: IO[bytes]) -> tuple[int, bytes]:
    opening = file.read(8)
    if len(opening) != 8:
        raise ValueError("it ends too early")
    length, name = struct.unpack(">I4s", opening)
    if length >= 1 << 31:
        raise ValueError("a chunk is longer than PNG allows")
    return length, name


def packed_pieces(file: IO[bytes], start: int) -> Iterator[bytes]:
    """The content of all IDAT chunks, in small pieces; checksums are compared.

    Raises:
        ValueError: damaged, or it ends too early.
    """
    file.seek(start)
    length, name = _opening(file)
    while name == b"IDAT":
        checksum = zlib.crc32(name)
        while length:
            piece = file.read(min(length, _PIECE))
            if not piece:
                raise ValueError("it ends in the middle of its pixels")
            checksum, length = zlib.crc32(piece, checksum), length - len(piece)
            yield piece
        if file.read(4) != struct.pack(">I", checksum):
            raise ValueError("the checksum of a piece of pixels is wrong")
        length, name = _opening(file)


class Inflated:
    """The unpacked bytes of a stream, as many at a time as are asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._inflate, self._rest = pieces, zlib.decompressobj(), b""

    def read_into(self, out: memoryview) -> None:
        """Fills ``out``.

        Raises:
            ValueError: there is less, or it is damaged.
        """
        at = 0
        while at < len(out):
            if self._inflate.eof:
                raise ValueError("it holds fewer rows than its header says")
            try:
                piece = self._inflate.decompress(self._rest or next(self._pieces), len(out) - at)
            except StopIteration:
                raise ValueError("it holds fewer rows than its header says") from None
            except zlib.error as error:
                raise ValueError(str(error)) from error
            self._rest = self._inflate.unconsumed_tail
            out[at : at + len(piece)] = piece
            at += len(piece)
