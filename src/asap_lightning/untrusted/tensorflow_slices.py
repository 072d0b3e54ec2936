"""TensorFlow's first checkpoint format: a table of ``SavedTensorSlices``, variables and their pieces."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from asap_lightning.untrusted.protobuf import Value, fields, packed
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

LARGEST_LIST = 16 * 2**20
FEW = 16
"""Fields of a piece's messages; its numbers are one of them."""
# SavedTensorSlices: meta, data. SavedTensorSliceMeta: tensor. SavedSliceMeta: name, shape, type, slice.
_META, _DATA = 1, 2
_TENSOR = 1
_NAME, _SHAPE, _KIND, _PIECE = 1, 2, 3, 4
# SavedSlice: name, slice, data.
_SLICE, _CONTENT = 2, 3
# TensorProto, by type: the field that holds the numbers, and whether they are packed whole numbers.
_VALUES = {1: (5, False), 2: (6, False), 3: (7, True), 9: (10, True), 10: (11, True), 19: (13, True)}


class SlicesFile:
    """A checkpoint of the first format, of which the list of variables was read.

    Args:
        path: the file.

    Raises:
        ValueError, IndexError: damaged.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        key, value = next(entries(mapped(path)), (b"\0", memoryview(b"")))
        found = {number: part for number, part in fields(value, FEW)}.get(_META)
        if key or not isinstance(found, memoryview) or len(found) > LARGEST_LIST:
            raise ValueError("it does not begin with a list of variables")
        self.variables: dict[str, Variable] = {}
        left = MOST_PIECES
        for number, part in fields(found):
            if number == _TENSOR:
                variable = _variable(part, left)
                self.variables[variable.name] = variable
                left -= max(1, len(variable.pieces))

    def read(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """Some variables' numbers; every block of the file is compared with its checksum.

        Raises:
            ValueError, IndexError: damaged, incomplete, or of a type that is not read.
        """
        pieces: dict[str, list[tuple[tuple[Extent, ...], np.ndarray]]] = {name: [] for name in names}
        for name in pieces:
            self.variables[name].numpy_type  # noqa: B018  refused before the file is read
        for key, value in entries(mapped(self.path)):
            data = dict(fields(value, FEW)).get(_DATA)
            if not key or not isinstance(data, memoryview):
                continue
            parts = dict(fields(data, FEW))
            name = name_of(_bytes(parts.get(_NAME)))
            if name in pieces:
                variable = self.variables[name]
                piece = piece_of(parts.get(_SLICE, memoryview(b"")), variable.shape)
                pieces[name].append((piece, _numbers(variable, piece, _bytes(parts.get(_CONTENT)))))
        return {name: join(self.variables[name], found) for name, found in pieces.items()}


def _variable(message: Value, most: int) -> Variable:
    found: dict[int, Value] = {}
    pieces: list[Value] = []
    for number, value in fields(_bytes(message)):
        if number == _PIECE and len(pieces) < most:
            pieces.append(value)
        elif number == _PIECE or most < 1:
            raise ValueError(f"it has more than {MOST_PIECES} variables or pieces of them")
        else:
            found[number] = value
    shape = shape_of(found.get(_SHAPE, memoryview(b"")))
    divided = tuple(piece_of(piece, shape) for piece in pieces)
    name = name_of(_bytes(found.get(_NAME)))
    return Variable(name, whole(found.get(_KIND, 0)), shape, divided)


def _numbers(variable: Variable, piece: tuple[Extent, ...], tensor: memoryview) -> np.ndarray:
    kind, count = variable.numpy_type, int(np.prod(sides_of(piece, variable.shape), dtype=np.int64))
    number, whole_numbers = _VALUES[variable.kind]
    content = _bytes(dict(fields(tensor, FEW)).get(number, memoryview(b"")))
    if not whole_numbers:
        if len(content) != count * kind.itemsize:
            raise ValueError(
                f"a piece of '{variable.name}' has {len(content)} bytes for {count} {variable.dtype}"
            )
        return np.frombuffer(content, kind)
    values = packed(content, count)
    if kind == np.dtype("<f2"):
        return values.astype("<u2").view("<f2")
    return values.astype(kind)


def _bytes(value: Value | None) -> memoryview:
    if not isinstance(value, memoryview):
        raise ValueError("a number, or nothing, where bytes were expected")
    return value
