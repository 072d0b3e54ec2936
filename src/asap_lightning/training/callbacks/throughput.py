"""How fast the training is, and what it waits for."""

from __future__ import annotations

import time
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from asap_lightning.training.callbacks.logged_values import logs_now


class Throughput(Callback):
    """Logs ``speed/images_per_second``, ``speed/data_wait`` and, on a GPU, ``memory/gpu_gib``.

    Images a second are those of all processes, over the time between two logging steps without
    validation and checkpoints. ``speed/data_wait`` is the share of that time (0 to 1) in which the
    training waited for the loader: near 0, the loader keeps up; if it is large, more
    ``data.num_workers`` help. ``memory/gpu_gib`` is the peak of the tensors' memory so far.

    It must come before callbacks that read what was logged.
    """

    def __init__(self) -> None:
        self._images = 0
        self._seconds = 0.0
        self._waited = 0.0
        self._batch_ended: float | None = None
        self._last_logged = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restart()
        self._last_logged = trainer.global_step

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Making the epoch's loader (starting its workers) is neither work nor a wait for one batch.
        self._batch_ended = None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        if self._batch_ended is not None:
            self._waited += now - self._batch_ended
            self._seconds += now - self._batch_ended
        self._batch_began = now

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        self._seconds += now - self._batch_began
        self._batch_ended = now
        self._images += len(batch.names)
        if logs_now(trainer) and trainer.global_step != self._last_logged:
            self._log(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._batch_ended = None

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._batch_ended = None

    def _log(self, trainer: Trainer, pl_module: LightningModule) -> None:
        values = {
            "speed/images_per_second": self._images * trainer.world_size / max(self._seconds, 1e-9),
            "speed/data_wait": self._waited / max(self._seconds, 1e-9),
        }
        if pl_module.device.type == "cuda":
            values["memory/gpu_gib"] = torch.cuda.max_memory_allocated(pl_module.device) / 2**30
        pl_module.log_dict(values, batch_size=1)
        self._last_logged = trainer.global_step
        self._restart(keep_end=True)

    def _restart(self, keep_end: bool = False) -> None:
        self._images, self._seconds, self._waited = 0, 0.0, 0.0
        if not keep_end:
            self._batch_ended = None
