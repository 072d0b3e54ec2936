"""What a model costs, logged with its training, so that a dashboard can set quality against it."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.evaluation.cost.measure import measure_cost
from asap_lightning.metrics import METRICS

LATENCY, PARAMETERS = METRICS["latency_ms"].logged, METRICS["parameters"].logged


class ModelCost(Callback):
    """Logs ``model/latency_ms`` and ``model/parameters`` of the generator once, when the training begins.

    Both depend on the network's shape and not on its weights. Latency is that of one image of the training's
    size on the training's device: the smallest of several calls (`measure_cost`).

    Args:
        repeats: calls that are timed; 0 logs the number of parameters alone.
    """

    def __init__(self, repeats: int = 10) -> None:
        if repeats < 0:
            raise ValueError(f"repeats must be at least 0, got {repeats}")
        self.repeats = repeats

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        size = image_size(trainer)
        if not trainer.loggers or size is None:
            return
        generator: Any = pl_module.generator
        device = pl_module.device
        values = {PARAMETERS: measure_cost("parameters", generator, *size, device=device)}
        if self.repeats > 0:
            values[LATENCY] = measure_cost("latency", generator, *size, device=device, repeats=self.repeats)
        for logger in trainer.loggers:
            logger.log_metrics(values, step=trainer.global_step)


def image_size(trainer: Trainer) -> tuple[int, int] | None:
    """Height and width of the data module's images; None without one."""
    data = getattr(trainer, "datamodule", None)
    height, width = getattr(data, "height", None), getattr(data, "width", None)
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None
