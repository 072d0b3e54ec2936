"""TensorFlow's tensor bundles: PREFIX.index tells what lies where in PREFIX.data-00000-of-00001 and so on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asap_lightning.untrusted.crc32c import crc32c, unmasked
from asap_lightning.untrusted.protobuf import Value, fields
from asap_lightning.untrusted.tables import entries, mapped
from asap_lightning.untrusted.tensorflow_protos import (
    MOST_PIECES,
    Extent,
    Variable,
    join,
    name_of,
    piece_of,
    shape_of,
    sides_of,
    whole,
)

LARGEST_INDEX = 16 * 2**20
"""Bytes of an index; a network of some hundred variables has some kilobytes."""
MOST_FILES = 10_000
# Fields of BundleHeaderProto and BundleEntryProto.
_FILES, _ORDER = 1, 2
_KIND, _SHAPE, _FILE, _START, _SIZE, _SUM, _PIECES = 1, 2, 3, 4, 5, 6, 7


@dataclass(frozen=True)
class _Entry:
    """A variable and where it lies: number of the file, first byte, bytes, checksum."""

    variable: Variable
    file: int
    start: int
    size: int
    checksum: int | None


class Bundle:
    """A bundle of which the index was read.

    Args:
        prefix: the files' common beginning: ``model.ckpt-100``.

    Raises:
        ValueError, IndexError: damaged, or of a kind that is not read.
        OSError: the index cannot be read.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        index = prefix.with_name(prefix.name + ".index")
        if index.stat().st_size > LARGEST_INDEX:
            raise ValueError(f"an index of more than {LARGEST_INDEX} bytes")
        self._entries: dict[str, _Entry] = {}
        self._pieces: dict[bytes, _Entry] = {}
        self.files = pieces = 0
        for key, value in entries(mapped(index)):
            if not key:
                self.files = _header(value)
            elif key[0] == 0:
                self._pieces[key] = _entry("", value, 0)
            else:
                name = name_of(key)
                self._entries[name] = _entry(name, value, MOST_PIECES - pieces)
                pieces += len(self._entries[name].variable.pieces)
        if not self.files:
            raise ValueError("the index has no header")

    @property
    def variables(self) -> dict[str, Variable]:
        """All variables by name."""
        return {name: entry.variable for name, entry in self._entries.items()}

    def read(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """Some variables' numbers, copied out of the files and compared with their checksums.

        Raises:
            ValueError: damaged, incomplete, or of a type that is not read.
            OSError: a file is missing or cannot be read.
        """
        wanted = {name: self._places(self._entries[name]) for name in names}
        parts = [entry for places in wanted.values() for _, entry in places]
        views = {
            file: mapped(self.data_file(file)) for file in sorted({part.file for part in parts if part.size})
        }
        found, there = sum(part.size for part in parts), sum(map(len, views.values()))
        if found > there:
            raise ValueError(f"its variables would take {found} bytes, its files have {there}")
        result = {}
        for name, places in wanted.items():
            variable = self._entries[name].variable
            pieces = [(piece, self._numbers(variable, piece, entry, views)) for piece, entry in places]
            result[name] = join(variable, pieces)
        return result

    def data_file(self, file: int) -> Path:
        """One of the files with numbers."""
        return self.prefix.with_name(f"{self.prefix.name}.data-{file:05d}-of-{self.files:05d}")

    def _places(self, entry: _Entry) -> list[tuple[tuple[Extent, ...], _Entry]]:
        variable = entry.variable
        if not variable.pieces:
            return [(((0, -1),) * len(variable.shape), entry)]
        places = []
        for piece in variable.pieces:
            key = piece_key(variable.name, piece)
            if key not in self._pieces:
                raise ValueError(f"a piece of '{variable.name}' is missing")
            places.append((piece, self._pieces[key]))
        return places

    def _numbers(
        self, variable: Variable, piece: tuple[Extent, ...], entry: _Entry, views: dict[int, memoryview]
    ) -> np.ndarray:
        kind, shape = variable.numpy_type, sides_of(piece, variable.shape)
        if entry.variable.kind != variable.kind or entry.variable.shape != shape:
            raise ValueError(f"a piece of '{variable.name}' is not what the index says")
        if entry.size != entry.variable.count * kind.itemsize:
            raise ValueError(f"'{variable.name}' of shape {shape} has {entry.size} bytes of {variable.dtype}")
        view = views.get(entry.file, memoryview(b""))
        if entry.size and entry.start + entry.size > len(view):
            raise ValueError(
                f"'{variable.name}' would end at byte {entry.start + entry.size} of "
                f"{self.data_file(entry.file).name}, which has {len(view)}: it was cut off"
            )
        content = view[entry.start : entry.start + entry.size]
        if entry.checksum is not None and crc32c(content) != entry.checksum:
            raise ValueError(f"'{variable.name}' does not agree with its checksum")
        return np.frombuffer(content, kind)


def _header(message: memoryview) -> int:
    found = dict(fields(message, 16))
    files = whole(found.get(_FILES, 0))
    if not 0 < files <= MOST_FILES:
        raise ValueError(f"a bundle of {files} files")
    if found.get(_ORDER, 0) != 0:
        raise ValueError("its numbers are big-endian, which is not read")
    return files


def _entry(name: str, message: memoryview, most: int) -> _Entry:
    """What the index says of a variable of at most so many pieces."""
    found: dict[int, Value] = {}
    pieces: list[Value] = []
    for number, value in fields(message):
        if number == _PIECES and len(pieces) < most:
            pieces.append(value)
        elif number == _PIECES:
            raise ValueError(f"it has more than {MOST_PIECES} pieces of variables, or pieces of pieces")
        else:
            found[number] = value
    shape = shape_of(found.get(_SHAPE, memoryview(b"")))
    checksum = found.get(_SUM)
    if isinstance(checksum, memoryview) and len(checksum) == 4:
        stored = unmasked(int.from_bytes(checksum, "little"))
    elif checksum is None:
        stored = None
    else:
        raise ValueError(f"a checksum of '{name}' that is none")
    divided = tuple(piece_of(piece, shape) for piece in pieces)
    variable = Variable(name, whole(found.get(_KIND, 0)), shape, divided)
    file, start, size = (whole(found.get(number, 0)) for number in (_FILE, _START, _SIZE))
    return _Entry(variable, file, start, size, stored)


def piece_key(name: str, piece: tuple[Extent, ...]) -> bytes:
    """The key under which an index keeps a piece (``ordered_code.cc``): a zero, the name, the extents."""
    text = name.encode().replace(b"\xff", b"\xff\x00").replace(b"\x00", b"\x00\xff")
    numbers = b"".join(_ordered(start) + _ordered(length) for start, length in piece)
    axes = bytes([1, len(piece)]) if piece else b"\x00"
    return b"\x00" + text + b"\x00\x01" + axes + numbers


def _ordered(number: int) -> bytes:
    """A signed number in as many bytes as it needs, seven bits each; the first bits say how many."""
    size = (number if number >= 0 else ~number).bit_length() // 7 + 1
    leading = ((1 << size) - 1) << 7 * size
    mask = (1 << 8 * size) - 1
    return ((number ^ leading) & mask).to_bytes(size, "big")
