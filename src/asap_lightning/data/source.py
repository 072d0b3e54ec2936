"""Where the bytes of one file of a pair are: in a file of its own, or inside a shard."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class StoredFile:
    """A file that was stored inside another one, with its content already read.

    Attributes:
        place: where it is, for messages: ``train-000000.tar/aachen_000000.label.png``.
        content: its bytes, exactly as they were in the file of its own.
    """

    place: str
    content: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.place

    @property
    def suffix(self) -> str:
        """As of a path: ``.png``."""
        return PurePosixPath(self.place).suffix


Source = Path | StoredFile
"""What the functions in `reading` read."""


def open_source(source: Source) -> Path | BytesIO:
    """What decoders open; a path stays a path, so that they may read only what they need."""
    return BytesIO(source.content) if isinstance(source, StoredFile) else source


def size_of(source: Source) -> int:
    """Bytes.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return len(source.content) if isinstance(source, StoredFile) else source.stat().st_size


def is_url(root: str | os.PathLike[str]) -> bool:
    """Whether a data set's root is an address such as ``s3://bucket/folder`` and no folder."""
    return "://" in os.fspath(root)
