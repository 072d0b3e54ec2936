"""Feature maps that may be larger than memory: rows written once and read again, in memory or on disk.

Axes: H height, W width, C channels.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, Protocol

import torch
from torch import Tensor

from asap_lightning.errors import UserError


class Features(Protocol):
    """(H, W, C), row by row."""

    def write(self, top: int, rows: Tensor) -> None:
        """Rows (h, W, C) from ``top`` on."""

    def read(self, top: int, bottom: int) -> Tensor:
        """(bottom - top, W, C); not to be changed."""

    def close(self) -> None:
        """Gives memory and disk back."""


class HeldFeatures:
    """In memory.

    Args:
        shape: (H, W, C).
        like: dtype and device.
    """

    def __init__(self, shape: tuple[int, int, int], like: Tensor) -> None:
        self._rows = torch.empty(shape, dtype=like.dtype, device=like.device)

    def write(self, top: int, rows: Tensor) -> None:
        self._rows[top : top + rows.shape[0]].copy_(rows)

    def read(self, top: int, bottom: int) -> Tensor:
        return self._rows[top:bottom]

    def close(self) -> None:
        self._rows = self._rows.new_empty(0)


class FiledFeatures:
    """In a temporary file, which has no name and goes with the process, however that ends.

    Rows go through plain reads and writes: pages of a memory map would count as the process's own.

    Args:
        shape: (H, W, C).
        like: dtype and device.
        folder: where the file lies; None for the system's folder of temporary files.

    Raises:
        UserError: the disk has no room for it, or fills while it is written.
    """

    def __init__(self, shape: tuple[int, int, int], like: Tensor, folder: Path | None = None) -> None:
        self._shape, self._like = shape, like.new_empty(0)
        self._folder = Path(tempfile.gettempdir()) if folder is None else folder
        self._row = shape[1] * shape[2] * like.element_size()
        needed = shape[0] * self._row
        free = shutil.disk_usage(self._folder).free
        if needed > free:
            raise UserError(
                self._no_room(f"{needed / 2**30:.1f} GiB are needed, {free / 2**30:.1f} are free")
            )
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by `close`
        self._buffer = torch.empty(0, dtype=like.dtype)

    def write(self, top: int, rows: Tensor) -> None:
        view = rows.contiguous().cpu().numpy().data.cast("B")
        at = top * self._row
        try:
            while view:
                done = os.pwrite(self._file.fileno(), view, at)
                view, at = view[done:], at + done
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise UserError(self._no_room("it filled up")) from error
            raise

    def read(self, top: int, bottom: int) -> Tensor:
        size = (bottom - top) * self._shape[1] * self._shape[2]
        if self._buffer.numel() < size:
            self._buffer = torch.empty(size, dtype=self._like.dtype)
        rows = self._buffer[:size]
        view, at = rows.numpy().data.cast("B"), top * self._row
        while view:
            done = os.preadv(self._file.fileno(), [view], at)
            if not done:
                raise EOFError("rows of a feature map are read before they are written")
            view, at = view[done:], at + done
        return rows.view(bottom - top, *self._shape[1:]).to(self._like.device)

    def close(self) -> None:
        self._file.close()
        self._buffer = self._buffer.new_empty(0)

    def _no_room(self, found: str) -> str:
        return (
            f"{self._folder} has no room for the features of an image of this size ({found}). Free some, or "
            "name another folder for temporary files by the environment variable TMPDIR, or give more memory"
        )
