"""A sweep as a table, a CSV file and two pictures."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from asap_lightning.files import atomic_write
from asap_lightning.metrics import METRICS, MetricDeclaration
from asap_lightning.reports.pareto import draw_front
from asap_lightning.reports.sweep_jobs import SweepJob, pareto_front
from asap_lightning.wording import counted

MEASURED = ("parameters", "latency_ms")


def metric_names(jobs: Sequence[SweepJob]) -> list[str]:
    """Every metric that a job has, in order of appearance."""
    return list(dict.fromkeys(name for job in jobs for name in job.metrics))


def short_names(jobs: Sequence[SweepJob]) -> dict[str, str]:
    """The settings' keys -> their last part, where that is still unique."""
    keys = list(jobs[0].settings) if jobs else []
    last = [key.rpartition(".")[2] for key in keys]
    return {key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)}


def sweep_table(jobs: Sequence[SweepJob], metric: MetricDeclaration) -> Table:
    """One row a job; a star marks the jobs of the Pareto front of latency and ``metric``."""
    front = {id(job) for job in pareto_front(jobs, metric)}
    names, metrics = short_names(jobs), metric_names(jobs)
    table = Table(
        title=f"{counted(len(jobs), 'job')}; * latency or {metric.key} cannot be bettered "
        "without loss in the other"
    )
    costs = [METRICS[name] for name in MEASURED]
    for heading in (*names.values(), "status", "updates", *metrics, *(cost.title for cost in costs), ""):
        table.add_column(heading, justify="left" if heading in ("status", "") else "right")
    for job in jobs:
        table.add_row(
            *(str(value) for value in job.settings.values()),
            job.status,
            str(job.steps),
            *(_number(job.metrics.get(name)) for name in metrics),
            *(_number(scaled(job, cost)) for cost in costs),
            "*" if id(job) in front else "",
        )
    return table


def scaled(job: SweepJob, cost: MetricDeclaration) -> float | None:
    """A cost in the unit of its title."""
    value = getattr(job, cost.key)
    return None if value is None else value * cost.scale


def write_csv(jobs: Sequence[SweepJob], metric: MetricDeclaration, path: Path) -> None:
    """The table with full precision, and the jobs' folders."""
    front = {id(job) for job in pareto_front(jobs, metric)}
    metrics, text = metric_names(jobs), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    settings = list(jobs[0].settings) if jobs else []
    writer.writerow([*settings, "status", "step", *metrics, *MEASURED, "pareto", "folder"])
    for job in jobs:
        writer.writerow(
            [
                *job.settings.values(),
                job.status,
                job.steps,
                *(job.metrics.get(name, "") for name in metrics),
                *("" if getattr(job, name) is None else getattr(job, name) for name in MEASURED),
                int(id(job) in front),
                job.folder.name,
            ]
        )
    with atomic_write(path, "w") as file:
        file.write(text.getvalue())


def draw_latency_and_quality(jobs: Sequence[SweepJob], metric: MetricDeclaration, path: Path) -> bool:
    """Latency against quality, with the Pareto front; False (and no file) if no job has both."""
    shown = [
        (", ".join(str(value) for value in job.settings.values()), job.latency_ms, job.metrics[metric.key])
        for job in jobs
        if job.latency_ms is not None and math.isfinite(job.metrics.get(metric.key, math.nan))
    ]
    if not shown:
        return False
    draw_front(shown, metric, path, title=", ".join(short_names(jobs).values()))
    return True


def draw_parallel_coordinates(jobs: Sequence[SweepJob], metric: MetricDeclaration, path: Path) -> bool:
    """One line a job through its settings, latency and quality; False (and no file) if no job has quality."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    shown = [job for job in jobs if math.isfinite(job.metrics.get(metric.key, math.nan))]
    if not shown:
        return False
    scales = [_Scale(name, [job.settings[key] for job in shown]) for key, name in short_names(shown).items()]
    if all(job.latency_ms is not None for job in shown):
        scales.append(_Scale(METRICS["latency_ms"].title, [job.latency_ms for job in shown]))
    scales.append(_Scale(metric.title, [job.metrics[metric.key] for job in shown]))
    figure = Figure(figsize=(2.4 * len(scales) + 1, 4.5), layout="constrained")
    axes = figure.subplots()
    heights = scales[-1].heights
    colours = heights if metric.higher_is_better else [1 - height for height in heights]
    for index in range(len(shown)):
        line = [scale.heights[index] for scale in scales]
        axes.plot(range(len(scales)), line, color=colormaps["viridis"](colours[index]), alpha=0.8)
    for place, scale in enumerate(scales):
        axes.axvline(place, color="0.3", linewidth=1)
        for height, text in scale.ticks():
            axes.annotate(
                text,
                (place, height),
                xytext=(4, 0),
                textcoords="offset points",
                fontsize="small",
                va="center",
            )
    axes.set_xticks(range(len(scales)), [scale.name for scale in scales])
    axes.set_yticks([])
    axes.set_frame_on(False)
    axes.set_title(f"yellow: the best {metric.heading}")
    _save(figure, path)
    return True


class _Scale:
    """One axis of parallel coordinates: values -> heights in [0, 1].

    Settings, and whatever is no number, stand at equal distances in their order.
    """

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        self.name = name
        self.values = list(values)
        self.is_number = all(isinstance(value, float) for value in self.values)
        if self.is_number:
            low, high = min(self.values), max(self.values)
            self.heights = [(value - low) / (high - low) if high > low else 0.5 for value in self.values]
        else:
            kinds = list(dict.fromkeys(self.values))
            self.heights = [(kinds.index(v) + 0.5) / len(kinds) for v in self.values]

    def ticks(self) -> list[tuple[float, str]]:
        """Heights and texts: every setting, or the two ends."""
        pairs = dict(zip(self.heights, self.values, strict=True))
        if self.is_number:
            ends = sorted({min(pairs), max(pairs)})
            return [(height, _number(pairs[height])) for height in ends]
        return [(height, str(value)) for height, value in pairs.items()]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _save(figure: Any, path: Path) -> None:
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=120)
