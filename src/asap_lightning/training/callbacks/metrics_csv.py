"""``metrics.csv``: everything that was logged, one row a logging step."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from asap_lightning.run_folder.history import MetricHistory
from asap_lightning.run_folder.names import METRICS_CSV
from asap_lightning.training.callbacks.logged_values import logged_values, logs_now, run_folder

log = logging.getLogger(__name__)


class MetricsCsv(Callback):
    """Writes ``<run>/metrics.csv``.

    A row is written every ``trainer.log_every_n_steps`` generator updates, at every validation and
    at the end of the training; losses and metrics of one step share its row. A validation before the
    training (``trainer.validate``, of the untrained network) becomes its first row. After a resume
    the rows that lie after the checkpoint are dropped, because they are made again. A new training
    into a folder that holds another run's file moves that file aside.

    Args:
        folder: the run's folder; by default ``trainer.default_root_dir``.
        filename: name of the file inside it.
    """

    output_name = "metrics"

    def __init__(self, folder: str | Path | None = None, filename: str = METRICS_CSV) -> None:
        self.folder = folder
        self.filename = filename
        self.history: MetricHistory | None = None
        self._last_written = -1
        self._epoch = 0
        self._before_training: dict[int, dict[str, float]] = {}

    def path(self, trainer: Trainer) -> Path:
        """Where the file lies."""
        return run_folder(trainer, self.folder) / self.filename

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last_written = trainer.global_step
        if trainer.is_global_zero:
            self.history = self._open(trainer)
            for step, values in self._before_training.items():
                if step >= self.history.last_step:
                    self.history.add(step, values)
        self._before_training.clear()

    def _open(self, trainer: Trainer) -> MetricHistory:
        path = self.path(trainer)
        if path.exists() and trainer.ckpt_path is None:
            aside = _free_name(path)
            path.rename(aside)
            log.info("%s is of an earlier run; moved to %s", path, aside.name)
        history = MetricHistory(path)
        if dropped := history.cut_after(trainer.global_step):
            log.info("%d rows after step %d are made again in %s", dropped, trainer.global_step, path)
        return history

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._epoch = trainer.current_epoch
        if logs_now(trainer) and trainer.global_step != self._last_written:
            self._write(trainer, validation=False)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._write(trainer, validation=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step != self._last_written:
            self._write(trainer, validation=False)

    def _write(self, trainer: Trainer, validation: bool) -> None:
        values = logged_values(trainer, validation)
        if not trainer.is_global_zero or not values:
            return
        row = {"epoch": float(self._epoch), **values}
        if self.history is None:
            self._before_training[trainer.global_step] = row
        else:
            self.history.add(trainer.global_step, row)
        if not validation:
            self._last_written = trainer.global_step


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.stem}_earlier_{number}{path.suffix}")).exists():
        number += 1
    return aside
