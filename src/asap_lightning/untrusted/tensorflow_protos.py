"""What TensorFlow's checkpoint formats share: kinds of numbers, shapes, pieces of divided variables."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from asap_lightning.untrusted.protobuf import Value, fields
from asap_lightning.untrusted.text import printable

MOST_AXES = 8
MOST_PIECES = 20_000
"""Of divided variables, all together."""
LARGEST = 2**40
"""Numbers of a variable, an axis of none counted as one."""
LONGEST_NAME = 400

# types.proto; those with a NumPy type are read.
NUMBERS: dict[int, tuple[str, str]] = {
    1: ("float32", "<f4"),
    2: ("float64", "<f8"),
    3: ("int32", "<i4"),
    9: ("int64", "<i8"),
    10: ("bool", "|u1"),
    19: ("float16", "<f2"),
}
OTHERS = {4: "uint8", 5: "int16", 6: "int8", 7: "string", 8: "complex64", 14: "bfloat16", 17: "uint16"}
OTHERS |= {18: "complex128", 20: "resource", 21: "variant", 22: "uint32", 23: "uint64"}

Extent = tuple[int, int]
"""First index and length along an axis; length -1: the whole axis."""


@dataclass(frozen=True)
class Variable:
    """A variable as a checkpoint lists it.

    Attributes:
        name: printable, as the program named it.
        kind: number of its type in TensorFlow's ``types.proto``.
        shape: its axes.
        pieces: where its pieces lie in it, if it is divided.
    """

    name: str
    kind: int
    shape: tuple[int, ...]
    pieces: tuple[tuple[Extent, ...], ...] = ()

    @property
    def dtype(self) -> str:
        """The type of its numbers in words."""
        if self.kind in NUMBERS:
            return NUMBERS[self.kind][0]
        return OTHERS.get(self.kind, f"type {self.kind}")

    @property
    def count(self) -> int:
        """Its numbers."""
        return prod(self.shape)

    @property
    def numpy_type(self) -> np.dtype:
        """How its numbers lie in the file; truth values are bytes.

        Raises:
            ValueError: numbers of a type that is not read.
        """
        if self.kind not in NUMBERS:
            known = ", ".join(name for name, _ in NUMBERS.values())
            raise ValueError(f"'{self.name}' holds {self.dtype}; what is read is {known}")
        return np.dtype(NUMBERS[self.kind][1])


def name_of(content: bytes | memoryview) -> str:
    """A variable's name.

    Raises:
        ValueError: it is not printable text of a bearable length.
    """
    name = bytes(content[: LONGEST_NAME + 1]).decode("utf-8", "replace")
    if len(content) > LONGEST_NAME or not name.isprintable() or "\ufffd" in name:
        raise ValueError(f"a variable's name that is no name: {printable(name, 60)}")
    return name


def shape_of(message: Value) -> tuple[int, ...]:
    """A ``TensorShapeProto``.

    Raises:
        ValueError: unknown, or larger than anything.
    """
    sides = []
    for number, value in fields(_message(message), 2 * MOST_AXES):
        if number == 2:
            found = {inner: part for inner, part in fields(_message(value), 4)}
            sides.append(whole(found.get(1, 0)))
        elif number == 3 and value:
            raise ValueError("a variable of an unknown shape")
    if len(sides) > MOST_AXES or prod(max(side, 1) for side in sides) > LARGEST:
        raise ValueError(f"a variable of shape {tuple(sides)}")
    return tuple(sides)


def piece_of(message: Value, shape: tuple[int, ...]) -> tuple[Extent, ...]:
    """A ``TensorSliceProto``: the extents along every axis of a variable of ``shape``.

    Raises:
        ValueError: outside that shape.
    """
    extents = []
    for number, value in fields(_message(message), 2 * MOST_AXES):
        if number != 1:
            continue
        found = {inner: whole(part) for inner, part in fields(_message(value), 4)}
        extents.append((found.get(1, 0), found.get(2, -1)))
    if len(extents) != len(shape):
        raise ValueError(f"a piece of {len(extents)} axes in a variable of shape {shape}")
    for (start, length), side in zip(extents, shape, strict=True):
        if start + max(length, 0) > side or (length == -1 and start):
            raise ValueError(f"a piece {extents} outside a variable of shape {shape}")
    return tuple(extents)


def sides_of(piece: tuple[Extent, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a piece."""
    return tuple(side if length == -1 else length for (_, length), side in zip(piece, shape, strict=True))


def place_of(piece: tuple[Extent, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Where a piece lies."""
    starts = (start for start, _ in piece)
    return tuple(
        slice(start, start + side) for start, side in zip(starts, sides_of(piece, shape), strict=True)
    )


def join(variable: Variable, pieces: list[tuple[tuple[Extent, ...], np.ndarray]]) -> np.ndarray:
    """A divided variable made whole.

    Raises:
        ValueError: its pieces do not cover it, each number once.
    """
    found = sum(content.size for _, content in pieces)
    if found != variable.count:
        raise ValueError(f"'{variable.name}' has {variable.count} numbers, its pieces have {found}")
    if len(pieces) == 1:
        return pieces[0][1].reshape(variable.shape)
    result = np.empty(variable.shape, variable.numpy_type)
    covered = np.zeros(variable.shape, bool)
    for piece, content in pieces:
        place = place_of(piece, variable.shape)
        result[place] = content.reshape(sides_of(piece, variable.shape))
        covered[place] = True
    if not covered.all():
        raise ValueError(f"the pieces of '{variable.name}' overlap")
    return result


def whole(value: Value) -> int:
    """A field that is a natural number.

    Raises:
        ValueError: negative, or no number.
    """
    if not isinstance(value, int) or value >= 2**63:
        raise ValueError("a negative number, or none, where one was expected")
    return value


def _message(value: Value) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message was expected")
    return value
