"""Sorted tables of keys and values in LevelDB's file format, as TensorFlow writes them, read in place.

Blocks of entries, whose keys leave out what they share with the one before; an index block that leads to
them; a footer of 48 bytes. Blocks lie one behind the other and keys grow, so it is read through once.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from asap_lightning.untrusted.crc32c import crc32c, unmasked
from asap_lightning.untrusted.protobuf import varint

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER, TRAILER = 48, 5
LONGEST_KEY = 4096
MOST_ENTRIES = 20_000
"""And blocks. A network has some hundred variables."""
MOST_KEYS = 16 * 2**20
"""Bytes of all keys together: shared beginnings let a small file unfold to many."""
SNAPPY = 1


def mapped(path: Path) -> memoryview:
    """A file's content, of which no more is read than is looked at.

    Raises:
        OSError: it cannot be read.
        ValueError: it is empty.
    """
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def is_table(path: Path) -> bool:
    """Whether a file ends as this format does."""
    try:
        with path.open("rb") as file:
            file.seek(-len(MAGIC), 2)
            return file.read() == MAGIC
    except OSError:
        return False


def entries(table: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Keys and values of a table, in its order; each block is compared with its checksum before.

    Raises:
        ValueError, IndexError: it is none, or damaged.
    """
    if len(table) < FOOTER or table[-8:] != MAGIC:
        raise ValueError("it does not end as a table does: it is cut off, or another file")
    footer = table[-FOOTER:-8]
    _, place = _handle(footer, 0)
    (start, size), _ = _handle(footer, place)
    index = _block(table, start, size, len(table) - FOOTER)
    before, count, letters = 0, 0, 0
    last: bytes | None = None
    for number, (_, handle) in enumerate(_entries_of(index)):
        (start, size), _ = _handle(handle, 0)
        if start < before or number == MOST_ENTRIES:
            raise ValueError(f"its blocks overlap, or are too many, at byte {start}")
        before = start + size + TRAILER
        for key, value in _entries_of(_block(table, start, size, len(table) - FOOTER)):
            count, letters = count + 1, letters + len(key)
            if count > MOST_ENTRIES or letters > MOST_KEYS:
                raise ValueError(f"it has more than {MOST_ENTRIES} entries or {MOST_KEYS} bytes of names")
            if last is not None and key <= last:
                raise ValueError("its names are out of order")
            yield key, value
            last = key


def _handle(content: memoryview, place: int) -> tuple[tuple[int, int], int]:
    start, place = varint(content, place)
    size, place = varint(content, place)
    return (start, size), place


def _block(table: memoryview, start: int, size: int, end: int) -> memoryview:
    """The entries of a block, without the places at which keys are whole."""
    if start + size + TRAILER > end:
        raise ValueError(f"a block of {size} bytes at byte {start} does not lie inside it")
    kind = table[start + size]
    if kind == SNAPPY:
        raise ValueError("its blocks are packed by Snappy, which is not read here (TensorFlow packs none)")
    if kind != 0:
        raise ValueError(f"a block of kind {kind} at byte {start}")
    stored = int.from_bytes(table[start + size + 1 : start + size + TRAILER], "little")
    if crc32c(table[start : start + size + 1]) != unmasked(stored):
        raise ValueError(f"the block at byte {start} does not agree with its checksum")
    block = table[start : start + size]
    restarts = int.from_bytes(block[-4:], "little")
    if 4 * (restarts + 1) > size:
        raise ValueError(f"the block at byte {start} is too short for its {restarts} restarts")
    return block[: size - 4 * (restarts + 1)]


def _entries_of(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    place, key = 0, b""
    while place < len(block):
        shared, place = varint(block, place)
        own, place = varint(block, place)
        length, place = varint(block, place)
        if shared > len(key) or shared + own > LONGEST_KEY or own + length > len(block) - place:
            raise ValueError("an entry that does not lie inside its block, or a name that is too long")
        key = key[:shared] + bytes(block[place : place + own])
        place += own
        yield key, block[place : place + length]
        place += length
