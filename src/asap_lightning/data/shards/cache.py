"""Copies of far-away shards on this machine: bounded, shared by all processes, the oldest goes first."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asap_lightning.data.shards.index import Shard
from asap_lightning.errors import UserError
from asap_lightning.files import sha256_of
from asap_lightning.locks import FileLock, Timeout

log = logging.getLogger(__name__)

_OURS = re.compile(r"[0-9a-f]{64}\.(tar|part)")
"""Names of what a cache has written: nothing else in its folder is ever removed."""
Fetch = Callable[[Shard, Path], None]
"""Completes a file that may already hold the first bytes of a shard."""


class ShardCache:
    """A folder of shards, each named after its content.

    Any number of processes may use one folder: a shard is fetched by one of them while the others wait, a
    copy is seen by its name only when it is whole and its checksum right, and what a killed process has
    fetched is continued by the next.

    Args:
        folder: is made where it is missing.
        limit: bytes that all copies together may take.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit

    def get(self, shard: Shard, fetch: Fetch, place: str) -> Path:
        """The copy of a shard, fetched if it is not there.

        Args:
            shard: which.
            fetch: gets the missing bytes.
            place: where the shard comes from, for messages.

        Raises:
            UserError: no room, or the shard that was fetched is not the one that the index describes.
        """
        path = self._path(shard)
        try:
            if not self._touch(path, shard):
                self.folder.mkdir(parents=True, exist_ok=True)
                with FileLock(path.with_suffix(".lock")):
                    if not self._touch(path, shard):
                        self._fetch(shard, path, fetch, place)
        except OSError as error:
            raise self._unwritable(error, shard) from error
        return path

    def discard(self, shard: Shard) -> None:
        """Removes a copy that is damaged."""
        self._path(shard).unlink(missing_ok=True)

    def _path(self, shard: Shard) -> Path:
        return self.folder / f"{shard.sha256}.tar"

    @staticmethod
    def _touch(path: Path, shard: Shard) -> bool:
        """Whether the copy is there; marks it as just used."""
        try:
            if path.stat().st_size != shard.size:
                path.unlink()
                return False
            with suppress(PermissionError):  # a cache that others have filled and we may only read
                os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _fetch(self, shard: Shard, path: Path, fetch: Fetch, place: str) -> None:
        part = path.with_suffix(".part")
        for attempt in (1, 2):
            self._make_room(shard, part)
            try:
                fetch(shard, part)
            except OSError:
                part.unlink(missing_ok=True)  # a disk that is full is not left full
                raise
            if part.stat().st_size == shard.size and sha256_of(part) == shard.sha256:
                os.replace(part, path)
                return
            part.unlink()
            if attempt == 1:
                log.warning("%s arrived damaged (wrong checksum); fetching it once more", place)
        raise UserError(
            f"{place} is damaged: its SHA-256 is not the one in the index, twice in a row. Copy the shard "
            "there again from where it was made, or repeat asap data shard"
        )

    def _make_room(self, shard: Shard, part: Path) -> None:
        """Removes the least recently used copies until the shard fits."""
        with self._alone():
            files = [file for file in self.folder.iterdir() if _OURS.fullmatch(file.name)]
            states = sorted((s.st_mtime_ns, s.st_size, f) for f in files if f != part and (s := _state(f)))
            total = sum(size for _, size, _ in states)
            for _, size, file in states:
                if total + shard.size <= self.limit:
                    return
                if self._remove(file):
                    total -= size

    @staticmethod
    def _remove(file: Path) -> bool:
        """False for what another process is fetching; a copy that one is reading stays readable to it."""
        try:
            with FileLock(file.with_suffix(".lock"), timeout=0):
                file.unlink(missing_ok=True)
        except Timeout:
            return False
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time decides what goes."""
        with FileLock(self.folder / "room.lock"):
            yield

    def _unwritable(self, error: OSError, shard: Shard) -> UserError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return UserError(
                f"the disk of data.layout.cache={self.folder} is full: no room for {shard.name} "
                f"({shard.size / 1e6:.0f} MB). Free some space, name another folder, or let the cache take "
                "less: data.layout.cache_gb"
            )
        return UserError(f"data.layout.cache={self.folder} cannot be used: {error.strerror or error}")


def _state(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except FileNotFoundError:
        return None


def default_folder() -> Path:
    """``asap_lightning/shards`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "asap_lightning" / "shards"
