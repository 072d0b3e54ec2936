"""Locks between processes, by the library ``filelock``: one form for everything that must not be done twice.

A lock is ``flock`` on a file: the kernel releases it when its process is gone, however it ended, and a forked
loader worker that outlives its parent does not hold it on (both are tested; ranges of the library that do not
have this are not allowed in ``pyproject.toml``).
"""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["FileLock", "Timeout", "is_locked", "lock_at", "taken"]


def lock_at(path: str | os.PathLike[str]) -> FileLock:
    """The lock on this file, not yet taken; the file's folder is made."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def taken(lock: FileLock) -> bool:
    """Takes the lock without waiting; False where another process, or another lock of this one, holds it."""
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Whether some process holds the lock on this file."""
    if not Path(path).exists():
        return False
    lock = FileLock(path)
    if not taken(lock):
        return True
    lock.release()
    return False
