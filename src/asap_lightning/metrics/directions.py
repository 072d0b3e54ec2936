"""Which way is better, by the name of a metric."""

from __future__ import annotations

import math
from collections.abc import Iterable

HIGHER_IS_BETTER = frozenset({"psnr", "ssim", "miou", "pixel_accuracy", "images_per_second"})


def higher_is_better(name: str) -> bool:
    """Whether a larger value of ``val/psnr``, ``psnr``, ``fid``, ... is the better one.

    Whatever is not known to be a score is taken as an error or a distance: lower is better.
    """
    return name.rpartition("/")[2].lower() in HIGHER_IS_BETTER


def is_better(value: float, than: float | None, *, higher: bool) -> bool:
    """Whether a value beats the best so far: what is not finite beats nothing, any number beats it."""
    if not math.isfinite(value):
        return False
    if than is None or not math.isfinite(than):
        return True
    return value > than if higher else value < than


def best_value(name: str, values: Iterable[float]) -> float:
    """The best of ``values`` of the metric ``name``; NaN if none is finite."""
    numbers = [value for value in values if math.isfinite(value)]
    if not numbers:
        return float("nan")
    return max(numbers) if higher_is_better(name) else min(numbers)
