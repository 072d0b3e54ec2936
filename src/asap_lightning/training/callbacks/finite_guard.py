"""Stops a training that has diverged, and keeps the last good checkpoint."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from asap_lightning.training.callbacks.logged_values import newest_checkpoint
from asap_lightning.training.diverged import DivergedError


class GuardFiniteLoss(Callback):
    """Raises `DivergedError` at a non-finite or exploding loss term, before a checkpoint is written.

    Every loss term that a training step returns is looked at, and may be compared with its own past.
    What has not been looked at yet is looked at before a validation and while a checkpoint's content
    is gathered; raising there keeps the files on the disk as they were at the last good step.

    Args:
        explode_factor: a loss total is exploding when its size exceeds this many times its running
            median; None (default) looks for non-finite values only, as adversarial losses swing.
        window: over how many steps the median runs; nothing explodes before they have passed.
        floor: medians below this count as this, so that a loss near zero is not called exploding.
        terms: the terms compared with their past.
        check_every: steps between two looks; losses are read from the device in one go, so a GPU
            is not held up at every step.
    """

    def __init__(
        self,
        explode_factor: float | None = None,
        window: int = 100,
        floor: float = 1.0,
        terms: tuple[str, ...] = ("loss_g/total", "loss_d/total"),
        check_every: int = 10,
    ) -> None:
        if explode_factor is not None and explode_factor <= 1:
            raise ValueError(f"explode_factor must be greater than 1, got {explode_factor}")
        if window < 1 or check_every < 1:
            raise ValueError(f"window and check_every must be at least 1, got {window} and {check_every}")
        self.explode_factor = explode_factor
        self.floor = floor
        self.check_every = check_every
        self._past = {term: deque[float](maxlen=window) for term in terms}
        self._waiting: list[tuple[int, list[str], Tensor]] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if isinstance(outputs, Mapping):
            terms = {n: v for n, v in outputs.items() if n.startswith(("loss_g/", "loss_d/"))}
            if terms:
                values = torch.stack([v.detach().float().reshape(()) for v in terms.values()])
                self._waiting.append((trainer.global_step, list(terms), values))
        if len(self._waiting) >= self.check_every:
            self._check(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._check(trainer)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        numbers = iter(torch.cat([values for _, _, values in waiting]).tolist())
        for step, names, _ in waiting:
            for name in names:
                self._check_value(trainer, step, name, next(numbers))

    def _check_value(self, trainer: Trainer, step: int, name: str, value: float) -> None:
        if value - value != 0:
            raise DivergedError(f"training diverged: {name} is {value} at step {step}; {_advice(trainer)}")
        past = self._past.get(name)
        if self.explode_factor is None or past is None:
            return
        if len(past) == past.maxlen:
            usual = max(median(past), self.floor)
            if abs(value) > self.explode_factor * usual:
                raise DivergedError(
                    f"training explodes: {name} is {value:.4g} at step {step}, more than "
                    f"{self.explode_factor:g} times its usual {usual:.4g}; {_advice(trainer)}"
                )
        past.append(abs(value))


def _advice(trainer: Trainer) -> str:
    checkpoint = newest_checkpoint(trainer)
    start = (
        f"the last good checkpoint is {checkpoint}"
        if checkpoint is not None
        else "no checkpoint had been written yet"
    )
    return (
        f"{start}. Try a lower learning rate, gradient clipping, or trainer.precision=32-true if it runs in "
        "half precision"
    )
