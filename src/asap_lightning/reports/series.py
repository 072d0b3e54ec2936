"""Columns of metrics as they are drawn: gathered in panels, thinned, without what is not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from asap_lightning.metrics import declaration_of, title_of
from asap_lightning.reports.runs import Run

MOST_POINTS = 4000
GROUPS = {
    "loss_g": "Generator loss",
    "loss_d": "Discriminator loss",
    "lr": "Learning rate",
    "grad_norm": "Gradient norm",
    "discriminator": "Discriminator output",
}
SECTIONS = {"val": "Validation", "loss_g": "Losses", "loss_d": "Losses"}
OTHER_SECTION = "Training"


@dataclass(frozen=True)
class Panel:
    """What is drawn in one coordinate system.

    Attributes:
        title: with the unit.
        section: under which heading it stands.
        columns: of ``metrics.csv``.
    """

    title: str
    section: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        steps: generator updates.
        values: numbers; None where the logged value was not finite.
        not_finite: steps of those.
        thinned: whether only the extremes of intervals are left.
    """

    steps: list[int]
    values: list[float | None]
    not_finite: list[int] = field(default_factory=list)
    thinned: bool = False


def panels_of(columns: Sequence[str]) -> list[Panel]:
    """Every column in one panel: metrics and speeds alone, the rest by the part before the slash."""
    gathered: dict[str, list[str]] = {}
    for column in columns:
        prefix = column.partition("/")[0]
        alone = declaration_of(column) is not None or prefix in ("val", "speed", "memory")
        gathered.setdefault(column if alone else prefix, []).append(column)
    panels = [
        Panel(
            title_of(key) if key == names[0] else GROUPS.get(key, key),
            SECTIONS.get(key.partition("/")[0], OTHER_SECTION),
            tuple(names),
        )
        for key, names in gathered.items()
    ]
    order = ["Validation", "Losses", OTHER_SECTION]
    return sorted(panels, key=lambda panel: order.index(panel.section))


def series_of(run: Run, column: str, most: int = MOST_POINTS) -> Series:
    """A column as a curve of at most ``most`` points."""
    steps, values = run.history.series(column)
    not_finite = [step for step, value in zip(steps, values, strict=True) if not math.isfinite(value)]
    drawn = [value if math.isfinite(value) else None for value in values]
    chosen = _thin(drawn, most)
    return Series(
        [steps[index] for index in chosen],
        [drawn[index] for index in chosen],
        not_finite,
        len(chosen) < len(steps),
    )


def _thin(values: Sequence[float | None], most: int) -> list[int]:
    """Indices of the smallest and the largest value of equal intervals, and of both ends."""
    count = len(values)
    if count <= most:
        return list(range(count))
    buckets = max(1, most // 2 - 1)
    kept = {0, count - 1}
    for bucket in range(buckets):
        inside = range(bucket * count // buckets, (bucket + 1) * count // buckets)
        numbers = [(value, index) for index in inside if (value := values[index]) is not None]
        kept |= {min(numbers)[1], max(numbers)[1]} if numbers else {inside[0]}
    return sorted(kept)
