"""The part of the module that validates and tests: translate, compare with the photos, log the means."""

from __future__ import annotations

from typing import Any

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.data.batch import Batch
from asap_lightning.metrics import MetricSuite, pairs_of
from asap_lightning.models import Generator
from asap_lightning.training.periodic import ENTRY, PeriodicMetrics
from asap_lightning.training.resumable import ResumableModule
from asap_lightning.training.updates import with_guide


class MeasuringModule(ResumableModule):
    """Measures the images of `inference_generator`.

    Args:
        metrics: what every validation measures; None takes PSNR, SSIM and L1.
        description: as of `ResumableModule`.
        periodic: what only some validations measure.
    """

    def __init__(
        self,
        metrics: MetricSuite | None,
        description: ModelDescription | None,
        periodic: PeriodicMetrics | None = None,
    ) -> None:
        super().__init__(description)
        self.metrics = MetricSuite() if metrics is None else metrics
        self.periodic = periodic

    @property
    def inference_generator(self) -> Generator:
        """The generator to translate with."""
        raise NotImplementedError

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """Translates a batch and updates the metrics; callbacks draw what it returns."""
        if self.inference_generator.needs_guide and batch.photo is not None:
            batch = with_guide(batch, self.inference_generator)
        generated = self(batch.condition)
        if batch.photo is not None:
            for pairs in pairs_of(
                generated, batch.photo, batch.names, label=batch.condition.label, valid=batch.valid
            ):
                self.metrics.update(pairs)
                if self.periodic is not None:
                    self.periodic.update(pairs)
        return {"generated": generated, "batch": batch}

    def on_validation_epoch_start(self) -> None:
        super().on_validation_epoch_start()
        self.metrics.reset()  # an evaluation before this one may have been broken off
        if self.periodic is not None:
            self.periodic.begin(self.trainer)

    def on_validation_epoch_end(self) -> None:
        """Logs ``val/psnr``, ``val/ssim``, ``val/l1`` of all images, as far as they have a value.

        Where it is the turn of the periodic metrics, those too.
        """
        self._log_metrics("val")

    def _log_metrics(self, split: str) -> None:
        if not self.metrics.has_updates:
            return
        scores = self.metrics.compute().values
        if self.periodic is not None:
            scores |= self.periodic.compute(self.trainer)
        values = {f"{split}/{name}": value for name, value in scores.items() if value is not None}
        where = {"step": float(self.global_step), "epoch": float(self.current_epoch)}
        self.log_dict({**values, **where}, sync_dist=True)  # equal already; Lightning warns without it
        self.metrics.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        if self.periodic is not None:
            checkpoint[ENTRY] = self.periodic.state(self._trainer)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        if self.periodic is not None:
            self.periodic.load(checkpoint.get(ENTRY))

    def test_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        """As `validation_step`."""
        return self.validation_step(batch, batch_idx)

    def on_test_epoch_start(self) -> None:
        self.on_validation_epoch_start()

    def on_test_epoch_end(self) -> None:
        """Logs ``test/psnr``, ``test/ssim``, ``test/l1`` over the whole test set."""
        self._log_metrics("test")
