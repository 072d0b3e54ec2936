"""Bootstrap intervals of mean scores, and of differences between models that share their images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
LEVEL = 0.95
BLOCK = 2_000_000
"""Numbers drawn at a time, which bounds the memory."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; without one where it cannot be had cheaply."""

    value: float
    low: float | None = None
    high: float | None = None


def resampled_means(scores: Scores, draws: int = 1000, seed: int = 0) -> Scores:
    """Means (M, draws) of M models' scores (M, N) over N images drawn with replacement.

    Every draw takes the same images for all models, so differences of columns are paired. A draw is a row of
    counts, and all means of it one product of counts and scores.

    Raises:
        ValueError: no images, no draws, or scores that are not finite.
    """
    models, images = scores.shape
    if images == 0 or draws < 1 or not np.isfinite(scores).all():
        raise ValueError(f"{draws} draws of {images} finite scores cannot be made")
    random = np.random.default_rng(seed)
    means = np.empty((models, draws))
    # float64 products keep what float64 means would say.
    block = max(1, BLOCK // images)
    for first in range(0, draws, block):
        rows = min(block, draws - first)
        drawn = random.integers(0, images, (rows, images)) + images * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * images).reshape(rows, images)
        means[:, first : first + rows] = (counts @ scores.T / images).T
    return means


def interval(draws: Scores, level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval (Efron 1979) of resampled values (draws,)."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def estimates(scores: Scores, means: Scores) -> list[Estimate]:
    """The mean of each model's scores (M, N) with the interval of its resampled means (M, draws)."""
    return [
        Estimate(float(own.mean()), *interval(resampled))
        for own, resampled in zip(scores, means, strict=True)
    ]


def differences(scores: Scores, means: Scores) -> dict[tuple[int, int], Estimate]:
    """(i, j) with i < j -> by how much the mean of i is larger than that of j, on the same images."""
    models = len(scores)
    return {
        (i, j): Estimate(float((scores[i] - scores[j]).mean()), *interval(means[i] - means[j]))
        for i in range(models)
        for j in range(i + 1, models)
    }
