"""Pictures of the same validation samples over the whole training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from math import isfinite
from pathlib import Path
from typing import Any, cast

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.panels import Picture, save_png, tile
from asap_lightning.training.callbacks.run_folder import run_folder
from asap_lightning.training.callbacks.sample_pictures import column_titles, sample_pictures

LOGGED_NAME = "val/samples"


class SampleGrid(Callback):
    """Writes ``<run>/samples/step_00000123.png`` and ``latest.png`` at every validation.

    One row a sample: condition | generated | photo. The samples are spread evenly over the validation
    set and are the same every time, so that two grids can be compared. The rows also go, as one
    captioned picture each, to the loggers that take images (W&B, TensorBoard), under ``val/samples``.

    It reads what the module's ``validation_step`` returns: ``generated`` and ``batch``.

    Args:
        count: samples shown; with several processes, of those that the first process validates.
        folder: the run's folder; by default ``trainer.default_root_dir``.
        longest: larger images are made smaller until their longer side has this many pixels; None
            shows every pixel.
    """

    output_name = "sample grid"

    def __init__(self, count: int = 4, folder: str | Path | None = None, longest: int | None = 512) -> None:
        if count < 1 or (longest is not None and longest < 1):
            raise ValueError(f"count and longest must be at least 1, got {count} and {longest}")
        self.count = count
        self.folder = folder
        self.longest = longest
        self._seen = 0
        self._chosen: frozenset[int] | None = None
        self._rows: list[tuple[str, list[Picture]]] = []

    def path(self, trainer: Trainer) -> Path:
        """The newest grid."""
        return run_folder(trainer, self.folder) / "samples" / "latest.png"

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seen, self._chosen, self._rows = 0, None, []

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        here = trainer.is_global_zero and dataloader_idx == 0 and not trainer.sanity_checking
        if not here or not isinstance(outputs, Mapping):
            return
        shown, generated = outputs["batch"], outputs["generated"]
        if self._chosen is None:
            self._chosen = spread(self.count, images_expected(trainer, len(shown.names)))
        for index, name in enumerate(shown.names):
            if self._seen + index in self._chosen:
                spec = cast(ConditionSpec, pl_module.spec)
                self._rows.append((name, sample_pictures(shown, generated, index, spec, self.longest)))
        self._seen += len(shown.names)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._rows:
            return
        rows = [pictures for _, pictures in self._rows]
        grid = tile(rows, column_titles(cast(ConditionSpec, pl_module.spec), with_photo=len(rows[0]) == 3))
        newest = self.path(trainer)
        save_png(newest.with_name(f"step_{trainer.global_step:08d}.png"), grid)
        save_png(newest, grid)
        log_images(trainer, LOGGED_NAME, [(name, tile([pictures])) for name, pictures in self._rows])
        self._rows = []


def spread(count: int, total: int) -> frozenset[int]:
    """``count`` (or all, if there are fewer) indices, evenly over ``range(total)``, the first included."""
    shown = min(count, total)
    return frozenset(index * total // shown for index in range(shown))


def images_expected(trainer: Trainer, batch_size: int) -> int:
    """How many images this process will validate, from the number of batches and their size."""
    batches = trainer.num_val_batches[0]
    if not isfinite(batches):
        return batch_size
    loader = trainer.val_dataloaders
    dataset = getattr(loader[0] if isinstance(loader, list | tuple) else loader, "dataset", None)
    total = int(batches) * batch_size
    return min(total, len(dataset)) if isinstance(dataset, Sized) else total


@rank_zero_only
def log_images(trainer: Trainer, name: str, pictures: Sequence[tuple[str, Picture]]) -> None:
    """Sends captioned pictures to every logger that takes images, at ``trainer.global_step``."""
    step = trainer.global_step
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            for index, (_, picture) in enumerate(pictures):
                logger.experiment.add_image(f"{name}/{index}", picture, step, dataformats="HWC")
        elif callable(take := getattr(logger, "log_image", None)):
            images = [picture for _, picture in pictures]
            take(key=name, images=images, step=step, caption=[caption for caption, _ in pictures])
