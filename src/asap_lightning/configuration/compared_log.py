"""A comparison of models as tables and pictures of a tracker's run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from asap_lightning.evaluation.comparison import ModelComparison
from asap_lightning.metrics import MetricDeclaration
from asap_lightning.reports.scores_page import SCATTER, speed_and_quality


def log_comparison(
    config: DictConfig,
    comparison: ModelComparison,
    rows: Sequence[Sequence[Any]],
    pictures: dict[str, Path],
    metric: MetricDeclaration | None,
) -> None:
    """Logs the comparison.

    Tables ``compare/scores`` and ``compare/cases`` (with pictures); the picture ``compare/speed_and_quality``
    and its points as the chart ``compare/scatter``.
    """
    if not config.get("logger"):
        return
    from asap_lightning.configuration.assemble import make_loggers
    from asap_lightning.reports.pictures import read_picture
    from asap_lightning.tracking import finished_runs

    loggers = make_loggers(config)
    with finished_runs(loggers):
        for logger in loggers:
            if callable(take := getattr(logger, "log_table", None)):
                columns, *lines = scores_for_loggers(comparison)
                take(key="compare/scores", columns=columns, data=lines)
                if rows:
                    take(key="compare/cases", columns=list(rows[0]), data=[list(row) for row in rows[1:]])
            if SCATTER in pictures and callable(take := getattr(logger, "log_image", None)):
                take(key="compare/speed_and_quality", images=[read_picture(pictures[SCATTER])])
            points = [] if metric is None else speed_and_quality(comparison, metric)
            if metric and points and callable(take := getattr(logger, "log_scatter", None)):
                drawn = [(name, speed, one.value) for name, speed, one in points]
                take("compare/scatter", ("model", "latency_ms", metric.key), drawn)
            logger.finalize("success")


def scores_for_loggers(comparison: ModelComparison) -> list[list[Any]]:
    """Headings, then a row a model: scores with the ends of their intervals, costs."""
    columns = [f"{metric}{end}" for metric in comparison.metrics for end in ("", " low", " high")]
    names = ("parameters", "gmacs", "latency_ms", "peak_mib")
    lines: list[list[Any]] = [["model", *columns, *names]]
    for row, name in enumerate(comparison.names):
        scores = [comparison.scores[metric][row] for metric in comparison.metrics]
        values = [getattr(one, end, None) for one in scores for end in ("value", "low", "high")]
        lines.append([name, *values, *(getattr(comparison.costs[row], cost, None) for cost in names)])
    return lines
