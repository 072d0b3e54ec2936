"""Where shards lie, and reading members out of them."""

from __future__ import annotations

import os
import threading
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from asap_lightning.data.shards.index import INDEX, Member, Shard, ShardIndex
from asap_lightning.data.shards.parse import MAX_INDEX, parse_index
from asap_lightning.errors import UserError

OPEN_FILES = 64


class Store(Protocol):
    """A folder with an index and shards, here or far away."""

    def index(self) -> ShardIndex:
        """Reads the index; a `UserError` says what is missing."""

    def locate(self, shard: Shard) -> Path:
        """A file on this machine that holds the shard; fetches it where it must."""

    def place(self, shard: Shard) -> str:
        """Where the shard comes from, for messages."""

    def discard(self, shard: Shard) -> bool:
        """Forgets a copy that has turned out to be damaged; False if there is no other to be had."""


class LocalStore:
    """A folder on this machine.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def index(self) -> ShardIndex:
        path = self.root / INDEX
        try:
            with path.open("rb") as file:  # not all of what may be larger than memory
                return parse_index(file.read(MAX_INDEX + 1), str(path))
        except FileNotFoundError as error:
            raise UserError(self._without_index()) from error
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from error

    def _without_index(self) -> str:
        if not self.root.is_dir():
            return f"data.root={self.root}: there is no such folder; shards and {INDEX} were expected there"
        if (self.root / PARTS).is_dir():
            return (
                f"data.root={self.root} has no {INDEX}: asap data shard was interrupted there. Repeat the "
                "same command; it keeps the shards that are finished"
            )
        return (
            f"data.root={self.root} has no {INDEX}, which says what the shards hold. Copy it too, "
            "or make the shards with asap data shard"
        )

    def locate(self, shard: Shard) -> Path:
        path = self.root / shard.name
        try:
            size = path.stat().st_size
        except FileNotFoundError as error:
            raise UserError(f"{path} is missing, though {INDEX} lists it. {REMEDY}") from error
        if size != shard.size:
            raise UserError(
                f"{path} has {size} bytes, {INDEX} says {shard.size}: it is truncated or of another data "
                f"set. {REMEDY}"
            )
        return path

    def place(self, shard: Shard) -> str:
        return str(self.root / shard.name)

    def discard(self, shard: Shard) -> bool:
        return False


PARTS = ".parts"
REMEDY = (
    "Copy the shard again, or repeat the asap data shard command that made it: it rewrites what is damaged "
    "and keeps the others"
)


class ShardReader:
    """Reads members at any place, in any order; every one is compared with its checksum.

    May be copied into worker processes and used by several threads. Its open files are closed when nothing
    refers to it any more.

    Args:
        store: where the shards are.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, int] = {}
        self._close_files = weakref.finalize(self, _close_all, self._files)
        _readers.add(self)

    def begin_anew(self) -> None:
        """In a process that was just forked: gives back its copies of the parent's open files."""
        self._close_files()
        self._begin()

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: a worker opens its own."""
        return {"store": self.store}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.store = state["store"]
        self._begin()

    def read(self, shard: Shard, members: Sequence[Member]) -> list[bytes]:
        """The content of these members.

        Raises:
            UserError: the shard is missing, truncated or damaged; names it.
        """
        contents = self._read(shard, members)
        if self._intact(contents, members):
            return contents
        place = self.store.place(shard)
        if self.store.discard(shard):  # the copy on this machine went bad: fetch it anew, once
            self._close(shard)
            contents = self._read(shard, members)
            if self._intact(contents, members):
                return contents
        bad = next(m for m, c in zip(members, contents, strict=True) if zlib.crc32(c) != m.crc32)
        raise UserError(
            f"{place} is damaged: the checksum of bytes {bad.offset} to {bad.offset + bad.size} is not the "
            f"one in {INDEX}. {REMEDY}"
        )

    @staticmethod
    def _intact(contents: Sequence[bytes], members: Sequence[Member]) -> bool:
        return all(zlib.crc32(c) == m.crc32 for c, m in zip(contents, members, strict=True))

    def _read(self, shard: Shard, members: Sequence[Member]) -> list[bytes]:
        """One look: the members of a pair are neighbours."""
        start = min(member.offset for member in members)
        end = max(member.offset + member.size for member in members)
        with self._lock:
            file = self._open(shard)
            try:
                span = os.pread(file, end - start, start)
            except OSError as error:
                raise UserError(f"{self.store.place(shard)} cannot be read: {error.strerror}") from error
        return [span[m.offset - start : m.offset - start + m.size] for m in members]

    def _open(self, shard: Shard) -> int:
        file = self._files.pop(shard.name, None)
        if file is None:
            file = self._open_file(shard)
            while len(self._files) >= OPEN_FILES:
                os.close(self._files.pop(next(iter(self._files))))
        self._files[shard.name] = file  # the last used is the last to be closed
        return file

    def _open_file(self, shard: Shard) -> int:
        for _ in range(3):
            path = self.store.locate(shard)
            try:
                return os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            except FileNotFoundError:  # another process has made room in the cache just now
                continue
            except OSError as error:
                raise UserError(f"{path} cannot be opened: {error.strerror}") from error
        raise UserError(
            f"{self.store.place(shard)}: its copy on this machine is removed again and again before it can "
            "be read: other processes need the room. Raise data.layout.cache_gb"
        )

    def _close(self, shard: Shard) -> None:
        with self._lock:
            file = self._files.pop(shard.name, None)
            if file is not None:
                os.close(file)


_readers: weakref.WeakSet[ShardReader] = weakref.WeakSet()


def _close_all(files: dict[str, int]) -> None:
    while files:
        os.close(files.popitem()[1])


def _after_fork() -> None:
    for reader in list(_readers):
        reader.begin_anew()


if hasattr(os, "register_at_fork"):  # elsewhere workers get their reader by pickling
    os.register_at_fork(after_in_child=_after_fork)
