"""Sends what is more than a number to the loggers that can take it: pictures, histograms, tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.data.panels import Picture

Cell = Picture | str | float
"""What a table holds; a `Picture` is (H, W, 3) uint8."""


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


@rank_zero_only
def log_histogram(trainer: Trainer, name: str, values: NDArray[np.float32], bins: int) -> None:
    """Sends a histogram of ``values`` (non-finite ones left out) to the loggers that draw one."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return
    counts, edges = np.histogram(finite, bins=bins)
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_histogram_raw(
                name,
                min=float(finite.min()),
                max=float(finite.max()),
                num=finite.size,
                sum=float(finite.sum(dtype=np.float64)),
                sum_squares=float(np.square(finite, dtype=np.float64).sum()),
                bucket_limits=edges[1:].tolist(),
                bucket_counts=counts.tolist(),
                global_step=trainer.global_step,
            )
        elif callable(take := getattr(logger, "log_histogram", None)):
            take(key=name, counts=counts, edges=edges, step=trainer.global_step)


@rank_zero_only
def log_table(trainer: Trainer, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Sends a table, whose cells may be pictures, to the loggers that keep one."""
    for logger in trainer.loggers:
        if callable(take := getattr(logger, "log_table", None)):
            take(key=name, columns=list(columns), data=[list(row) for row in rows], step=trainer.global_step)
