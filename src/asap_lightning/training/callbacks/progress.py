"""A progress bar for people and, where there is no terminal, lines for logs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from asap_lightning.training.callbacks.logged_values import logged_values


class TrainingProgress(ProgressBar):
    """Shows epoch, generator updates, images/s, time left and the loss terms.

    In a terminal a live bar; elsewhere (a log file, CI) one line every ``line_seconds`` and after
    every validation, without control characters. Losses are read from the device only when something
    is shown. The time left counts validations and checkpoints, as it is the run's own pace so far.

    Args:
        bar_refresh_seconds: shortest time between two updates of the live bar.
        line_seconds: time between two lines where there is no terminal.
        console: where to write; by default standard output.
    """

    def __init__(
        self,
        bar_refresh_seconds: float = 0.25,
        line_seconds: float = 10.0,
        console: Console | None = None,
    ) -> None:
        super().__init__()
        self.console = console if console is not None else Console()
        self.live = self.console.is_terminal
        self._period = bar_refresh_seconds if self.live else line_seconds
        self._enabled = True
        self._bar: Progress | None = None
        self._train_task: TaskID | None = None
        self._validation_task: TaskID | None = None
        self._clock = _Clock()
        self._losses: Mapping[str, Any] = {}
        self._shown = -math.inf

    @property
    def is_enabled(self) -> bool:
        """Whether this process shows anything; Lightning disables it on all ranks but 0."""
        return self._enabled

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        total = total_steps(trainer)
        self._clock = _Clock(start_step=trainer.global_step, total=total)
        self._losses = {}
        self._shown = -math.inf
        if self.live and self.is_enabled:
            self._open_bar()
            assert self._bar is not None
            self._train_task = self._bar.add_task(
                "training", total=total, completed=trainer.global_step, text=""
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._clock.add(len(batch.names) * trainer.world_size)
        if isinstance(outputs, Mapping) and outputs:  # none inside an accumulation window
            self._losses = outputs
        now = time.perf_counter()
        finished = self._clock.total is not None and trainer.global_step >= self._clock.total
        if self.is_enabled and (now - self._shown >= self._period or finished):
            self._shown = now
            self._show(trainer, f"{self._clock.pace(trainer.global_step)}  {loss_text(self._losses)}")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.live and self.is_enabled:
            self._open_bar()
            assert self._bar is not None
            counts = [trainer.num_sanity_val_batches if trainer.sanity_checking else trainer.num_val_batches]
            total = sum(sum(c) if isinstance(c, list) else c for c in counts)
            name = "checking" if trainer.sanity_checking else "validation"
            finite = total if math.isfinite(total) else None
            self._validation_task = self._bar.add_task(name, total=finite, text="")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if self._bar is not None and self._validation_task is not None:
            self._bar.advance(self._validation_task)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._bar is not None and self._validation_task is not None:
            self._bar.remove_task(self._validation_task)
            self._validation_task = None
            if not trainer.training and not trainer.sanity_checking and self._train_task is None:
                self._close_bar()
        if self.is_enabled and not trainer.sanity_checking:
            metrics = logged_values(trainer, validation=True)
            text = "  ".join(f"{name} {number(value)}" for name, value in sorted(metrics.items()))
            self.console.print(f"step {trainer.global_step}: {text}", highlight=False, soft_wrap=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close_bar()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._close_bar()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._close_bar()

    def print(self, *args: Any, **kwargs: Any) -> None:
        """What `LightningModule.print` calls; keeps the bar below the printed line."""
        self.console.print(*args)

    def _show(self, trainer: Trainer, text: str) -> None:
        where = f"epoch {trainer.current_epoch}"
        if self._bar is not None and self._train_task is not None:
            self._bar.update(self._train_task, completed=trainer.global_step, description=where, text=text)
        elif not self.live:
            done = f"step {trainer.global_step}" + (f"/{self._clock.total}" if self._clock.total else "")
            self.console.print(f"{where}  {done}  {text}", highlight=False, soft_wrap=True)

    def _open_bar(self) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[text]}"), console=self.console)
            self._bar.start()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._train_task = self._validation_task = None


class _Clock:
    """Counts images and time since the training began or was resumed."""

    def __init__(self, start_step: int = 0, total: int | None = None) -> None:
        self.start_step, self.total = start_step, total
        self._began = time.perf_counter()
        self._images = 0

    def add(self, images: int) -> None:
        self._images += images

    def pace(self, step: int) -> str:
        """``images/s`` and, if the end is known, the time left."""
        elapsed = max(time.perf_counter() - self._began, 1e-9)
        text = f"{number(self._images / elapsed)} images/s"
        done = step - self.start_step
        if self.total is not None and done > 0:
            text += f"  left {duration((self.total - step) * elapsed / done)}"
        return text


def total_steps(trainer: Trainer) -> int | None:
    """Generator updates until the end; None if the training has no known end."""
    if trainer.max_steps is not None and trainer.max_steps >= 0:
        by_steps: float = trainer.max_steps
    else:
        by_steps = math.inf
    epochs = trainer.max_epochs
    updates = trainer.num_training_batches / trainer.accumulate_grad_batches  # an epoch; inf: not known
    by_epochs = (
        math.inf
        if epochs is None or epochs < 0
        else epochs * (math.ceil(updates) if math.isfinite(updates) else updates)
    )
    total = min(by_steps, by_epochs)
    return int(total) if math.isfinite(total) else None


def loss_text(losses: Mapping[str, Any]) -> str:
    """``G 12.3 (adversarial 0.51, l1 11.8)  D 0.98 (fake 0.5, real 0.48)`` from named terms."""
    parts = []
    for letter, prefix in (("G", "loss_g/"), ("D", "loss_d/")):
        terms = {n.removeprefix(prefix): float(v) for n, v in losses.items() if n.startswith(prefix)}
        total = terms.pop("total", None)
        inner = ", ".join(f"{name} {number(value)}" for name, value in terms.items())
        if total is not None or inner:
            head = letter if total is None else f"{letter} {number(total)}"
            parts.append(f"{head} ({inner})" if inner else head)
    return "  ".join(parts)


def number(value: float) -> str:
    """Four significant digits, without an exponent for everyday sizes."""
    return f"{value:.4g}" if not value or 1e-4 <= abs(value) < 1e4 else f"{value:.3e}"


def duration(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(int(max(seconds, 0) + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
