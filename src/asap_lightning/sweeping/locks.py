"""Locks between processes that end with the process that holds them, however it ends."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from pathlib import Path
from types import TracebackType

log = logging.getLogger(__name__)

TAKEN = (errno.EAGAIN, errno.EACCES)
_held: set[int] = set()


def _close_in_child() -> None:
    """A forked loader worker that outlives its killed parent must not hold its lock on."""
    for handle in _held:
        os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)


class FileLock:
    """An exclusive lock on a file (``flock``); the kernel releases it when its process is gone.

    The file stays: removing it would let two processes hold "the" lock. On a file system without locks a
    warning is logged and the lock counts as taken by us.

    Args:
        path: the file; it is made, with its folders.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._handle: int | None = None

    def acquire(self, *, wait: bool = True) -> bool:
        """Takes the lock; without ``wait`` returns False where another process holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            if error.errno in TAKEN:
                os.close(handle)
                return False
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                os.close(handle)
                raise
            log.warning("%s: this file system has no locks; start no second process here", self.path)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        _held.add(handle)
        return True

    def release(self) -> None:
        """Gives the lock back; does nothing if it is not held."""
        if self._handle is not None:
            if self._handle in _held:  # else this is a forked child
                _held.discard(self._handle)
                os.close(self._handle)
            self._handle = None

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Whether some process holds the lock on this file."""
    if not Path(path).exists():
        return False
    lock = FileLock(path)
    if not lock.acquire(wait=False):
        return True
    lock.release()
    return False
