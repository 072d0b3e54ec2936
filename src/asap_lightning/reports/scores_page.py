"""The comparison of models as pictures and as a page: scatter with its Pareto front, best and worst cases."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from asap_lightning.data.panels import Picture, save_png, tile
from asap_lightning.evaluation.bootstrap import Estimate
from asap_lightning.evaluation.comparison import ModelComparison
from asap_lightning.metrics import METRICS, MetricDeclaration
from asap_lightning.reports.markup import Html, join, table, tag
from asap_lightning.reports.page import Page
from asap_lightning.reports.pareto import draw_front
from asap_lightning.reports.pictures import embedded, read_picture
from asap_lightning.reports.scores import ARROWS, caption, cells, differences_of, headings, shown

CASES = 3
LABEL_WIDTH, LABEL_LETTERS = 150, 22
CELL = 256
SHEET, SCATTER = "Best, worst and random images", "Speed and quality"
"""Headings of the pictures."""


@dataclass(frozen=True)
class Case:
    """An image of the sheet.

    Attributes:
        kind: ``best 1``, ``worst 2``, ``random 3``.
        name: of the image.
        scores: of each model.
    """

    kind: str
    name: str
    scores: tuple[float, ...]


def rated_metric(comparison: ModelComparison, key: str | None = None) -> MetricDeclaration | None:
    """The metric that chooses cases and the front: the named one, or the first that has a direction."""
    if key is not None:
        return METRICS.get(key) if key in comparison.metrics else None
    rated = [METRICS[m] for m in comparison.metrics if m in METRICS and METRICS[m].direction is not None]
    return rated[0] if rated else None


def cases(
    comparison: ModelComparison, metric: MetricDeclaration, count: int = CASES, seed: int = 0
) -> list[Case]:
    """The images on which the models did best and worst by their mean, and some at random; none twice."""
    scores: dict[str, tuple[float, ...]] = {}
    for name in comparison.models[0].per_image:
        values = [model.per_image[name].get(metric.key) for model in comparison.models]
        if all(value is not None for value in values):
            scores[name] = tuple(float(value) for value in values if value is not None)
    sign = -1 if metric.higher_is_better else 1
    ranked = sorted(scores, key=lambda name: (sign * sum(scores[name]), name))
    best = ranked[: min(count, len(ranked) // 2)]
    worst = [name for name in ranked[::-1][:count] if name not in best]
    rest = [name for name in ranked if name not in {*best, *worst}]
    chosen = Random(seed).sample(sorted(rest), min(count, len(rest)))
    return [
        Case(f"{kind} {place}", name, scores[name])
        for kind, names in (("best", best), ("worst", worst), ("random", chosen))
        for place, name in enumerate(names, 1)
    ]


def draw_cases(
    chosen: Sequence[Case],
    pictures: Mapping[str, Sequence[Picture]],
    titles: Sequence[str],
    metric: MetricDeclaration,
    path: Path,
) -> None:
    """A row a case: its scores, then the pictures (condition, exemplar, models side by side, photo)."""
    rows = []
    for case in chosen:
        figures = ", ".join(f"{score:.4g}" for score in case.scores)
        height = max(picture.shape[0] for picture in pictures[case.name])
        rows.append(
            [_label([case.kind, case.name[-22:], metric.heading, figures], height), *pictures[case.name]]
        )
    save_png(path, tile(rows, ["", *titles]))


def _label(lines: Sequence[str], height: int) -> Picture:
    image = Image.new("RGB", (LABEL_WIDTH, max(height, 64)), "white")
    draw = ImageDraw.Draw(image)
    wrapped = [part for line in lines for part in textwrap.wrap(line, LABEL_LETTERS)]
    draw.multiline_text((4, 4), "\n".join(wrapped), fill=(40, 40, 40), font=ImageFont.load_default(size=12))
    return np.asarray(image)


def draw_speed_and_quality(comparison: ModelComparison, metric: MetricDeclaration, path: Path) -> bool:
    """Latency against quality with intervals; False, and no file, if fewer than two models have both."""
    points = speed_and_quality(comparison, metric)
    if len(points) < 2:
        return False
    ends = [(one.low, one.high) for _, _, one in points]
    bars = [None if low is None or high is None else (low, high) for low, high in ends]
    draw_front([(name, speed, one.value) for name, speed, one in points], metric, path, intervals=bars)
    return True


def speed_and_quality(
    comparison: ModelComparison, metric: MetricDeclaration
) -> list[tuple[str, float, Estimate]]:
    """Name, latency in ms and score of the models that have both."""
    rows = zip(comparison.names, comparison.costs, comparison.scores[metric.key], strict=True)
    return [
        (name, cost.latency_ms, one)
        for name, cost, one in rows
        if cost is not None and cost.latency_ms is not None and one is not None
    ]


def write_scores_page(comparison: ModelComparison, pictures: Mapping[str, Path], path: Path) -> None:
    """One HTML file.

    Args:
        comparison: the table.
        pictures: heading -> PNG.
        path: the file.
    """
    page = Page("Models compared", f"{len(comparison.models)} models, {comparison.models[0].images} images")
    titles = [f"{title} {ARROWS[way]}" if way else title for title, way in headings(comparison)]
    rows = [
        [name, *(tag("td", text, class_="number best" if best else "number") for text, best in row)]
        for name, row in zip(comparison.names, cells(comparison), strict=True)
    ]
    page.section(
        "Scores",
        table(["model", *titles], rows, id_="scores"),
        *(tag("p", line, class_="note") for line in caption(comparison)),
    )
    page.section("Paired differences", *_differences(comparison))
    for heading, picture in pictures.items():
        page.section(
            heading, tag("img", src=embedded(read_picture(picture), 2400), alt=heading, class_="sheet")
        )
    page.write(path)


def _differences(comparison: ModelComparison) -> list[Html]:
    found = differences_of(comparison)
    if not found:
        return []
    rows = []
    for metric, one, other, value in found:
        clear = value.low is not None and value.high is not None and not value.low <= 0 <= value.high
        text = tag("td", shown(value), class_="number best" if clear else "number")
        rows.append([metric, join([one, " − ", other]), text])
    note = (
        "By how much the first is larger, as a mean over the same images. Bold: the interval does not hold 0."
    )
    return [table(["metric", "models", "difference"], rows, id_="differences"), tag("p", note, class_="note")]
