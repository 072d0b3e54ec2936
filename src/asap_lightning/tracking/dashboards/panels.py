"""Panels under their headings, from which both a workspace and a report are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import wandb_workspaces.reports.v2 as wr

from asap_lightning.metrics import METRICS, MetricDeclaration
from asap_lightning.tracking.describing import STEP

LATENCY, PARAMETERS = METRICS["latency_ms"], METRICS["parameters"]
SAMPLES, TABLE = "val/samples", "val/table"
SMOOTHING = 0.6
REPORT_COLUMNS = 24  # of a report's grid


@dataclass
class Group:
    """A heading and its panels.

    Attributes:
        name: the heading.
        panels: in order.
        columns: how many stand beside each other.
        height: of a panel in a report, in grid rows.
        note: a sentence below the heading in a report.
    """

    name: str
    panels: list[Any] = field(default_factory=list)
    columns: int = 3
    height: int = 8
    note: str = ""


def curve(title: str, *names: str, smooth: bool = False, **options: Any) -> wr.LinePlot:
    """Logged values over generator updates."""
    smoothing = {"smoothing_type": "exponential", "smoothing_factor": SMOOTHING} if smooth else {}
    return wr.LinePlot(
        title=title, x=STEP, y=list(names), title_x="generator updates", **{**smoothing, **options}
    )


def matching(title: str, pattern: str) -> wr.LinePlot:
    """Whatever is logged under names that the regular expression matches."""
    return curve(title, smooth=True, metric_regex=pattern)


def samples(title: str, **axes: Any) -> wr.MediaBrowser:
    """The pictures of the validation samples."""
    return wr.MediaBrowser(title=title, media_keys=[SAMPLES], **axes)


def course(metric: MetricDeclaration, **options: Any) -> wr.LinePlot:
    """A metric over generator updates, under its own title."""
    return curve(metric.title, metric.logged, **options)


def best(metric: MetricDeclaration) -> wr.SummaryMetric:
    """The best value of a validation metric, as our runs' summaries hold it."""
    return wr.SummaryMetric(f"{metric.logged}.{metric.direction}")


def quality_against_latency(metric: MetricDeclaration) -> wr.ScatterPlot:
    """Each run's latency and best metric; the line that follows the best value so far is the Pareto front."""
    higher = metric.higher_is_better
    return wr.ScatterPlot(
        title=f"{metric.heading} against latency; the line is the Pareto front",
        x=wr.SummaryMetric(LATENCY.logged),
        y=best(metric),
        running_ymax=True if higher else None,
        running_ymin=None if higher else True,
    )


def parallel_coordinates(
    parameters: Sequence[str], metrics: Sequence[MetricDeclaration]
) -> wr.ParallelCoordinatesPlot:
    """Settings, cost and quality of each run; the first metric, which colours the lines, comes last."""
    columns: list[tuple[Any, str]] = [(wr.Config(key), key.rpartition(".")[2]) for key in parameters]
    columns += [
        (wr.SummaryMetric(PARAMETERS.logged), PARAMETERS.heading),
        (wr.SummaryMetric(LATENCY.logged), LATENCY.title),
    ]
    columns += [(best(metric), metric.heading) for metric in reversed(metrics)]
    return wr.ParallelCoordinatesPlot(
        title="Settings, cost, quality",
        columns=[
            wr.ParallelCoordinatesPlotColumn(metric=metric, display_name=name) for metric, name in columns
        ],
    )
