"""A table of the same validation samples, with each one's own figures."""

from __future__ import annotations

from typing import cast

from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.data.sample_pictures import column_titles, sample_pictures
from asap_lightning.metrics import QUICK, image_scores
from asap_lightning.training.callbacks.fixed_samples import EverMoreSeldom, FixedSamples
from asap_lightning.training.callbacks.media import Cell, log_table

LOGGED_NAME = "val/table"


class SampleTable(FixedSamples):
    """Logs ``val/table`` at validations: step, name, condition, exemplar, generated, photo, PSNR, SSIM, L1.

    It goes to the loggers that keep tables (W&B). The pictures are small; the figures are of the image at
    full size. Samples without a photo have neither, those without an exemplar none.

    Args:
        count: rows; 0 logs no table.
        longest: larger pictures are made smaller until their longer side has this many pixels.
        dense: the first so many validations are all logged, later ones ever more seldom.
    """

    def __init__(self, count: int = 8, longest: int | None = 256, dense: int = 50) -> None:
        super().__init__(max(count, 1), longest)
        self.enabled = count > 0
        self._logging = EverMoreSeldom(dense)
        self._rows: list[list[Cell]] = []
        self._columns: list[str] = []

    def wanted(self, trainer: Trainer) -> bool:
        takers = any(callable(getattr(logger, "log_table", None)) for logger in trainer.loggers)
        return self.enabled and takers and super().wanted(trainer) and self._logging.due(trainer.global_step)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_epoch_start(trainer, pl_module)
        self._rows = []

    def take(self, pl_module: LightningModule, batch: Batch, generated: Tensor, index: int) -> None:
        spec = cast(ConditionSpec, pl_module.spec)
        pictures = sample_pictures(batch, generated, index, spec, self.longest)
        figures: list[float] = []
        if batch.photo is not None:
            height, width = batch.valid[index]
            scores = image_scores(
                generated[index, :, :height, :width], batch.photo[index, :, :height, :width]
            )
            figures = [float("nan") if (value := scores[key]) is None else value for key in QUICK]
        self._columns = ["step", "name", *column_titles(spec, pictures)]
        self._columns += list(QUICK) if figures else []
        self._rows.append([float("nan"), batch.names[index], *pictures.values(), *figures])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._rows:
            return
        rows = [[trainer.global_step, *row[1:]] for row in self._rows]
        log_table(trainer, LOGGED_NAME, self._columns, rows)
        self._logging.logged(trainer.global_step)
        self._rows = []
