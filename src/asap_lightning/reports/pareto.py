"""Speed against quality: which of several models no other one beats, and their picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from asap_lightning.files import atomic_write
from asap_lightning.metrics import METRICS, MetricDeclaration

T = TypeVar("T")


def front_of(rated: Sequence[tuple[T, float | None, float | None]], *, higher: bool) -> list[T]:
    """Those that no other beats: none is as fast and as good, and better in one of the two.

    Args:
        rated: each with its cost and its quality; left out without one of them.
        higher: whether the larger quality is the better one.

    Returns:
        From the fastest to the best.
    """
    sign = 1 if higher else -1
    known = [
        (cost, sign * quality, one)
        for one, cost, quality in rated
        if cost is not None and quality is not None and math.isfinite(quality)
    ]
    front: list[T] = []
    best = -math.inf
    for _, quality, one in sorted(known, key=lambda entry: (entry[0], -entry[1])):
        if quality > best:
            front.append(one)
            best = quality
    return front


def draw_front(
    rated: Sequence[tuple[str, float, float]],
    metric: MetricDeclaration,
    path: Path,
    *,
    title: str = "",
    intervals: Sequence[tuple[float, float] | None] | None = None,
) -> None:
    """Latency against quality, with the Pareto front, as a PNG.

    Args:
        rated: names with milliseconds and quality.
        metric: the quality.
        path: the file.
        title: above it.
        intervals: of the quality, drawn as bars.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    front = front_of([(one, *one[1:]) for one in rated], higher=metric.higher_is_better)
    axes.scatter([latency for _, latency, _ in rated], [value for *_, value in rated], color="0.6", zorder=2)
    axes.plot([one[1] for one in front], [one[2] for one in front], "o-", label="Pareto front")
    for (name, latency, quality), bar in zip(rated, intervals or [None] * len(rated), strict=True):
        axes.annotate(name, (latency, quality), xytext=(5, 4), textcoords="offset points", fontsize="small")
        if bar is not None:
            axes.plot([latency, latency], bar, color="0.6", linewidth=1, zorder=1)
    axes.set_xlabel(METRICS["latency_ms"].title)
    axes.set_ylabel(f"{metric.title} ({metric.better})")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=120)
