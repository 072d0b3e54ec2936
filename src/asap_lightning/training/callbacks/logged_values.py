"""Where a run writes, and reading what the module has logged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

VALIDATION_PREFIX = "val/"


def run_folder(trainer: Trainer, folder: str | Path | None = None) -> Path:
    """The run's folder: the one given, else the trainer's ``default_root_dir``."""
    return Path(folder) if folder is not None else Path(trainer.default_root_dir)


def logged_values(trainer: Trainer, validation: bool) -> dict[str, float]:
    """What has been logged last, as numbers: only validation metrics, or everything but them.

    Lightning keeps the metrics of the last validation among the callback metrics of all later
    training steps; taken apart by their prefix, no old value is shown at a new step.
    """
    return {
        name: float(value)
        for name, value in trainer.callback_metrics.items()
        if name.startswith(VALIDATION_PREFIX) == validation and name not in ("step", "epoch")
    }


def checkpoint_files(trainer: Trainer) -> dict[str, Path]:
    """``best`` and ``last`` -> the checkpoint files that are there, of our writer or of Lightning's."""
    found = {}
    for callback in trainer.checkpoint_callbacks:
        for name in ("best", "last"):
            path = getattr(callback, f"{name}_path", None) or getattr(callback, f"{name}_model_path", None)
            if path and Path(path).exists():
                found[name] = Path(path)
    return found


def logs_now(trainer: Trainer) -> bool:
    """Whether the generator updates done so far make a logging step."""
    every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
    return every > 0 and trainer.global_step % every == 0


def newest_checkpoint(trainer: Trainer) -> Path | None:
    """The newest of `checkpoint_files`; else the file that the training was resumed from; else None."""
    files = list(checkpoint_files(trainer).values())
    if not files and trainer.ckpt_path is not None and Path(trainer.ckpt_path).exists():
        return Path(trainer.ckpt_path)
    return max(files, key=lambda path: path.stat().st_mtime, default=None)
