"""Protobuf's wire format, read in place: fields of a message and the numbers in them, without protobuf.

Every length is checked against what is left of the message around it, so nothing is larger than the file.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

Value = int | memoryview
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
PART = 1 << 20
"""Bytes of packed numbers that are taken apart at once."""


def fields(message: memoryview, most: int | None = None) -> Iterator[tuple[int, Value]]:
    """Numbers and values of a message's fields, fixed-width numbers as their bytes.

    Args:
        message: its bytes.
        most: fields that it may have.

    Raises:
        ValueError, IndexError: it is no message, or has more fields.
    """
    place, end, count = 0, len(message), 0
    while place < end:
        count += 1
        if most is not None and count > most:
            raise ValueError(f"a message of more than {most} fields")
        key, place = varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = varint(message, place)
        elif kind in (_EIGHT, _FOUR):
            length = 8 if kind == _EIGHT else 4
        else:
            raise ValueError(f"a field of kind {kind} at byte {place}")
        if length > end - place:
            raise ValueError(f"a field of {length} bytes where {end - place} are left")
        yield number, message[place : place + length]
        place += length


def varint(message: memoryview, place: int) -> tuple[int, int]:
    """The number at a place, below 2^70, and the place behind it.

    Raises:
        ValueError, IndexError: it has more than ten bytes, or the message ends within it.
    """
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError(f"a number of more than ten bytes at byte {place}")


def packed(content: memoryview, count: int) -> np.ndarray:
    """``count`` numbers packed one behind the other, as int64: (count,).

    Raises:
        ValueError: there are more or fewer, or one has more than ten bytes.
    """
    if not count <= len(content) <= 10 * count:
        raise ValueError(f"{len(content)} bytes cannot hold {count} numbers")
    numbers = np.empty(count, np.int64)
    place = done = 0
    while place < len(content):
        part = np.frombuffer(content[place : place + PART], np.uint8)
        ends = np.flatnonzero(part < 128)
        if not len(ends) or done + len(ends) > count:
            raise ValueError(f"packed numbers that are not {count}")
        starts = np.concatenate([[0], ends[:-1] + 1])
        lengths = ends - starts + 1
        if lengths.max() > 10:
            raise ValueError("a packed number of more than ten bytes")
        values = np.zeros(len(ends), np.uint64)
        for index in range(int(lengths.max())):
            longer = lengths > index
            digits = (part[starts[longer] + index] & 127).astype(np.uint64)
            values[longer] |= digits << np.uint64(7 * index)
        numbers[done : done + len(ends)] = values.view(np.int64)
        done += len(ends)
        place += int(ends[-1]) + 1
    if done != count:
        raise ValueError(f"{done} packed numbers where {count} were expected")
    return numbers
