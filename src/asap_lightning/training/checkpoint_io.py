"""How Lightning writes and reads checkpoints here: atomically, and trusting nothing in a file."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from asap_lightning.checkpoint import read_checkpoint
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.training.stored_state import require_training_state


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target and renames, so that a crash or a full disk leaves the old file intact."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Saves atomically.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        try:
            with atomic_write(path) as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:
            cause = _failed_write(error)
            if cause is None:
                raise
            full = cause.errno in (errno.ENOSPC, errno.EDQUOT)
            raise UserError(
                f"cannot write the checkpoint {path}: {'the disk is full' if full else cause}; "
                f"{resumable_from(Path(path).parent)}"
            ) from error

    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Loads plain data and tensors only, and of a training only what can be one's state.

        Raises:
            UserError: see `read_checkpoint` and `require_training_state`.
        """
        checkpoint = read_checkpoint(path)
        require_training_state(checkpoint, path)
        return checkpoint


def resumable_from(folder: Path) -> str:
    """What there is to go on from after a failed write: which checkpoint, of which step, or none."""
    for path in (folder / "last.ckpt", *sorted(folder.glob("*.ckpt"), key=_age)):
        try:
            step = read_checkpoint(path)["global_step"]
        except (UserError, KeyError):
            continue
        again = "ckpt=last" if path.name == "last.ckpt" else f"ckpt={path}"
        there = f"the previous checkpoint is intact: {path}, of step {step}"
        return f"{there}; free some space and resume with {again}"
    return "there is no checkpoint to resume from: free some space and start again"


def _age(path: Path) -> int:
    return -path.stat().st_mtime_ns


def _failed_write(error: BaseException | None) -> OSError | None:
    """The failed write behind an error of `torch.save`, whose zip writer reports one as a RuntimeError."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
