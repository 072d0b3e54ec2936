"""A confusion matrix and the IoU of every class, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asap_lightning.metrics.segmentation.scores import SegmentationScores

WRITTEN = 25
"""Classes up to which shares are written into the cells."""


def confusion_picture(scores: SegmentationScores, names: Sequence[str], title: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8: share of each true class's pixels by found class, and beside it each class's IoU.

    Classes that are neither there nor found are left out.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = scores.counts[:, :-1].numpy()
    iou = scores.iou.numpy()
    shown = np.flatnonzero((counts.sum(1) > 0) | (counts.sum(0) > 0))
    there = scores.counts.sum(1).numpy()[shown, None]
    share = np.divide(counts[np.ix_(shown, shown)], there, out=np.zeros((len(shown),) * 2), where=there > 0)
    side = max(3.5, 0.34 * len(shown)) if len(shown) <= 2 * WRITTEN else 12
    figure = Figure(figsize=(side + 4.2, side + 1.6), dpi=110, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    matrix, bars = figure.subplots(1, 2, width_ratios=(side, 2.2))
    matrix.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    labels = [names[index] for index in shown.tolist()]
    small = 8 if len(shown) <= WRITTEN else max(2.5, 8 * WRITTEN / len(shown))
    matrix.set_xticks(range(len(shown)), labels, rotation=90, fontsize=small)
    matrix.set_yticks(range(len(shown)), labels, fontsize=small)
    matrix.set_xlabel("found")
    matrix.set_ylabel("in the layout")
    if len(shown) <= WRITTEN:
        _write_shares(matrix, share)
    bars.barh(range(len(shown)), np.nan_to_num(iou[shown]), color="#4477aa")
    bars.set_yticks([])
    bars.set_xlim(0, 1)
    bars.set_ylim(len(shown) - 0.5, -0.5)
    bars.set_xlabel(f"IoU, mean {scores.miou:.3f}")
    if len(shown) <= WRITTEN:
        _write_ious(bars, iou[shown])
    figure.suptitle(title, fontsize=10)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _write_shares(axes: object, share: NDArray[np.float64]) -> None:
    for row, column in zip(*np.nonzero(share >= 0.005), strict=True):
        value = share[row, column]
        axes.text(  # type: ignore[attr-defined]
            column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=6.5,
            color="white" if value > 0.5 else "black",
        )  # fmt: skip


def _write_ious(axes: object, iou: NDArray[np.float64]) -> None:
    for place, value in enumerate(np.nan_to_num(iou)):
        inside = value > 0.75
        axes.text(  # type: ignore[attr-defined]
            value + (-0.02 if inside else 0.02), place, f"{value:.2f}", va="center", fontsize=7,
            ha="right" if inside else "left", color="white" if inside else "black",
        )  # fmt: skip
