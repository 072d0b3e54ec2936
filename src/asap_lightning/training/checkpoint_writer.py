"""The callback that writes checkpoints: last, best, and every N generator updates."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, Literal

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from asap_lightning.files import share_file
from asap_lightning.metrics import is_better
from asap_lightning.run_folder.names import BEST, LAST
from asap_lightning.training.diverged import DivergedError, first_bad_weight
from asap_lightning.training.monitored import (
    direction_to_keep,
    measured_by,
    nothing_computes,
    require_computed,
    say_contradiction,
)
from asap_lightning.training.stopping import StopRequest, TrainingInterrupted
from asap_lightning.training.stored_state import stored_number


def ends_training(trainer: Trainer) -> bool:
    """Whether the batch that has just been trained on is the last of the training."""
    if trainer.global_step == trainer.max_steps:
        return True
    last_epoch = trainer.max_epochs is not None and trainer.current_epoch + 1 == trainer.max_epochs
    return bool(trainer.is_last_batch and last_epoch)


class CheckpointWriter(Checkpoint):
    """Writes ``last.ckpt``, ``best.ckpt`` and ``step_00001000.ckpt`` into one folder.

    Files are written after whole generator updates only, so that a resume repeats nothing and skips nothing.
    A network with NaN or infinite weights is never written: the file from before stays.

    Args:
        folder: where the files go.
        every_n_steps: generator updates between two writings of ``last.ckpt``; it is also written at the end.
        keep_every_n_steps: generator updates between two files that are kept; None keeps none.
        monitor: the metric that chooses ``best.ckpt``, by its finite values; None writes none.
        mode: whether a larger (``max``) or smaller (``min``) value is better; None as the metric is declared.
        stop: a request to stop, honoured after a checkpoint has been written.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        every_n_steps: int = 500,
        keep_every_n_steps: int | None = None,
        monitor: str | None = "val/psnr",
        mode: Literal["min", "max"] | None = None,
        stop: StopRequest | None = None,
    ) -> None:
        for name, value in (("every_n_steps", every_n_steps), ("keep_every_n_steps", keep_every_n_steps)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if mode not in (None, "min", "max"):
            raise ValueError(f"mode must be min, max or null, got {mode!r}")
        self.folder = Path(folder)
        self.every_n_steps, self.keep_every_n_steps = every_n_steps, keep_every_n_steps
        self.monitor, self.mode = monitor, mode or direction_to_keep(monitor)
        self.stop = stop
        self.best_value: float | None = None
        self.best_step: int | None = None
        self.newest: tuple[Path, int] | None = None
        self._seen_step = 0
        self._last_step: int | None = None  # of last.ckpt
        self._common_batches = 0.0

    @property
    def last_path(self) -> Path:
        return self.folder / LAST.name

    @property
    def best_path(self) -> Path:
        return self.folder / BEST.name

    def state_dict(self) -> dict[str, Any]:
        chosen_by = {"monitor": self.monitor, "mode": self.mode}
        return {"best_value": self.best_value, "best_step": self.best_step, **chosen_by}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        chosen_by = (state_dict.get("monitor", self.monitor), state_dict.get("mode", self.mode))
        if chosen_by == (self.monitor, self.mode):  # the best of another metric measures nothing here
            self.best_value = stored_number(state_dict, "best_value", float)
            self.best_step = stored_number(state_dict, "best_step", int)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit" and self.monitor is not None:
            require_computed(self.monitor, trainer, pl_module)
            say_contradiction(self.monitor, self.mode)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seen_step = trainer.global_step
        if trainer.is_global_zero:
            for unfinished in self.folder.glob(".*.ckpt.*.tmp"):  # a process was killed while it wrote
                unfinished.unlink(missing_ok=True)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step == self._seen_step:  # in the middle of an accumulation window
            return
        self._seen_step = step
        stopping = self._stop_requested(trainer, step)
        if step % self.every_n_steps == 0 or stopping or ends_training(trainer):
            self._write(trainer, pl_module, self.last_path)
        if self.keep_every_n_steps and step % self.keep_every_n_steps == 0:
            self._write(trainer, pl_module, self.folder / f"step_{step:08d}.ckpt")
        if stopping:
            self._raise_stop(self.last_path)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._common_batches = self._fewest(trainer, trainer.num_val_batches[0]) if self.stop else 0

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        *rest: Any,
    ) -> None:
        # Processes may have different numbers of batches; they ask each other only where all have one.
        if batch_idx < self._common_batches and self._stop_requested(trainer, batch_idx):
            if trainer.global_step > 0 and not trainer.sanity_checking:
                self._write(trainer, pl_module, self.last_path)
            self._raise_stop(self.last_path if self.last_path.exists() else None)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.monitor is None or trainer.sanity_checking or trainer.state.fn != "fit":
            return
        if self.monitor not in trainer.callback_metrics:
            if self.monitor in measured_by(pl_module):  # not this time: no score, or not its turn
                return
            raise nothing_computes(self.monitor, trainer.callback_metrics)
        value = float(trainer.callback_metrics[self.monitor])
        if is_better(value, self.best_value, higher=self.mode == "max"):
            self.best_value, self.best_step = value, trainer.global_step
            self._write(trainer, pl_module, self.best_path)
            # last.ckpt of this step is from before the validation: a run resumed from it would not know the
            # new best value, and would let a worse one replace best.ckpt.
            if self._last_step == trainer.global_step and trainer.is_global_zero:
                share_file(self.best_path, self.last_path)

    def _write(self, trainer: Trainer, pl_module: LightningModule, path: Path) -> None:
        bad = first_bad_weight(pl_module)
        if bad is not None:
            kept = (
                f"the last good checkpoint is {self.last_path}"
                if self.last_path.exists()
                else "none was written"
            )
            raise DivergedError(
                f"training diverged: weight '{bad}' is NaN or infinite after {trainer.global_step} generator "
                "updates; "
                f"no checkpoint is written from it, {kept}; lower the learning rates or set training.clip"
            )
        trainer.save_checkpoint(path)
        self.newest = (path, trainer.global_step)
        if path == self.last_path:
            self._last_step = trainer.global_step
        for logger in trainer.loggers:  # those that keep checkpoints
            logger.after_save_checkpoint(self)  # type: ignore[arg-type]  # Lightning names its own writer

    def _stop_requested(self, trainer: Trainer, count: int) -> bool:
        """Whether to stop now; with several processes, whether any of them was asked to.

        Asking makes the host wait for the device, so on a GPU it is done at every tenth ``count`` only.
        """
        if self.stop is None:
            return False
        number = self.stop.signal_number or 0
        if trainer.world_size > 1:
            device = trainer.strategy.root_device
            if device.type != "cpu" and count % 10:
                return False
            number = int(trainer.strategy.reduce(torch.tensor(number, device=device), reduce_op="max"))
            if number:  # only then: a signal may have come meanwhile
                self.stop.signal_number = number
        return bool(number)

    @staticmethod
    def _fewest(trainer: Trainer, batches: float) -> float:
        counted = torch.tensor(float(batches), device=trainer.strategy.root_device)
        return float(trainer.strategy.reduce(counted, reduce_op="min"))

    def _raise_stop(self, path: Path | None) -> None:
        assert self.stop is not None
        number = self.stop.signal_number or signal.SIGINT
        raise TrainingInterrupted(number, str(path) if path is not None else None)
