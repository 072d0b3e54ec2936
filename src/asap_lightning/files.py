"""Atomic file writing: a reader sees the old file or the new one, never half of one; and checksums."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO]:
    """Opens a temporary file beside ``path``; renames it to ``path`` when the block ends well.

    If the block raises (a full disk, Ctrl-C), the temporary file is removed and ``path`` stays as
    it was. Parent folders are made. The content is flushed to the disk before the rename.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(target)
    try:
        encoding = None if "b" in mode else "utf-8"
        with open(temporary, mode.replace("w", "x"), encoding=encoding) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        remove_if_there(temporary)
        raise


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, replace: bool = False) -> Iterator[Path]:
    """As `atomic_write` for a folder: yields a name beside ``path`` under which the block makes one.

    Args:
        path: of the folder.
        replace: whether what is there at the end is replaced; else that is an `OSError`, but for an empty
            folder. If the block raises, it stays as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    made, old = _beside(target), _beside(target)
    try:
        yield made
        if replace and target.is_dir() and not target.is_symlink():
            os.replace(target, old)  # a folder with files in it cannot be replaced
        elif replace:
            remove_if_there(target)
        os.replace(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def share_file(source: Path, target: Path) -> None:
    """Atomically makes ``target`` the same file as ``source``; a copy where there are no hard links."""
    temporary = _beside(target)
    try:
        os.link(source, temporary)
        os.replace(temporary, target)
    except OSError:
        remove_if_there(temporary)
        with open(source, "rb") as read, atomic_write(target) as written:
            shutil.copyfileobj(read, written)


def sha256_of(path: Path) -> str:
    """Of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_if_there(path: str | os.PathLike[str]) -> None:
    """Removes a file if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def _beside(target: Path) -> Path:
    """A name for a temporary file that no other process or thread chooses.

    A file opened by it gets the permissions that the kernel gives every new one there, by the umask or the
    folder's default access list. Asking for the umask would change it for all threads of the process.
    """
    return target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
