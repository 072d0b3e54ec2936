"""Pictures of the same validation samples over the whole training."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from pytorch_lightning import LightningModule, Trainer
from torch import Tensor

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.data.panels import Picture, save_png, tile
from asap_lightning.data.sample_pictures import column_titles, sample_pictures
from asap_lightning.training.callbacks.fixed_samples import EverMoreSeldom, FixedSamples
from asap_lightning.training.callbacks.logged_values import run_folder
from asap_lightning.training.callbacks.media import log_images

LOGGED_NAME = "val/samples"


class SampleGrid(FixedSamples):
    """Writes ``<run>/samples/step_00000123.png`` and ``latest.png`` at every validation.

    One row a sample: condition | generated | photo, and the exemplar after the condition where the data
    lend one. The samples are spread evenly over the validation
    set and are the same every time, so that two grids can be compared. The rows also go, as one
    captioned picture each, to the loggers that take images (W&B, TensorBoard, MLflow), under ``val/samples``.

    Args:
        count: samples shown; with several processes, of those that the first process validates.
        folder: the run's folder; by default ``trainer.default_root_dir``.
        longest: larger images are made smaller until their longer side has this many pixels; None
            shows every pixel.
        dense: the first so many validations all go to the loggers, later ones ever more seldom.
    """

    output_name = "sample grid"

    def __init__(
        self,
        count: int = 4,
        folder: str | Path | None = None,
        longest: int | None = 512,
        dense: int = 50,
    ) -> None:
        super().__init__(count, longest)
        self.folder = folder
        self._logging = EverMoreSeldom(dense)
        self._rows: list[tuple[str, dict[str, Picture]]] = []

    def path(self, trainer: Trainer) -> Path:
        """The newest grid."""
        return run_folder(trainer, self.folder) / "samples" / "latest.png"

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_epoch_start(trainer, pl_module)
        self._rows = []

    def take(self, pl_module: LightningModule, batch: Batch, generated: Tensor, index: int) -> None:
        spec = cast(ConditionSpec, pl_module.spec)
        self._rows.append((batch.names[index], sample_pictures(batch, generated, index, spec, self.longest)))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._rows:
            return
        rows = [(name, list(pictures.values())) for name, pictures in self._rows]
        titles = column_titles(cast(ConditionSpec, pl_module.spec), self._rows[0][1])
        grid = tile([pictures for _, pictures in rows], titles)
        newest = self.path(trainer)
        save_png(newest.with_name(f"step_{trainer.global_step:08d}.png"), grid)
        save_png(newest, grid)
        if self._logging.due(trainer.global_step):
            log_images(trainer, LOGGED_NAME, [(name, tile([pictures])) for name, pictures in rows])
            self._logging.logged(trainer.global_step)
        self._rows = []
