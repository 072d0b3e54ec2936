"""Several models measured alike, in one table: intervals, paired differences, what may not be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asap_lightning.errors import UserError
from asap_lightning.evaluation.bootstrap import Estimate, differences, estimates, resampled_means
from asap_lightning.evaluation.cost.checkpoint import GeneratorCost
from asap_lightning.evaluation.scored import ScoredModel
from asap_lightning.metrics import METRICS, direction_of
from asap_lightning.wording import counted, listed

PLACES = ("root", "layout")
"""Of the data: where it lies and what it is called, which may differ while the images are the same."""
CHOICES = ("metrics", "allow_missing")
"""Of an evaluation's settings: what does not change a score."""
CACHES = ("folder",)
"""Of a segmenter's settings: where it is kept."""


@dataclass(frozen=True)
class ModelComparison:
    """The table of a paper, before it is drawn.

    Attributes:
        models: the rows.
        metrics: the columns, in the order of their declarations.
        scores: metric -> an estimate a model; None where the model has no score.
        differences: metric -> (i, j) -> by how much the mean of i is larger than that of j.
        costs: of each model's generator; None where there is no checkpoint.
        draws: of the bootstrap.
        notes: what a reader must know.
    """

    models: Sequence[ScoredModel]
    metrics: Sequence[str]
    scores: Mapping[str, Sequence[Estimate | None]]
    differences: Mapping[str, Mapping[tuple[int, int], Estimate]]
    costs: Sequence[GeneratorCost | None]
    draws: int
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Of the models."""
        return [model.name for model in self.models]

    def best(self, metric: str) -> set[int]:
        """The best model and those from which the images do not tell it apart (their interval holds 0).

        Of a metric without intervals the best alone; nothing where no direction is declared.
        """
        direction = direction_of(metric)
        known = {i: one.value for i, one in enumerate(self.scores[metric]) if one is not None}
        if direction is None or len(known) < 2:
            return set()
        first = (max if direction == "max" else min)(known, key=lambda index: known[index])
        found = {first}
        for (i, j), one in self.differences.get(metric, {}).items():
            assert one.low is not None and one.high is not None
            if first in (i, j) and one.low <= 0 <= one.high:
                found |= {i, j}
        return found


def compare_models(
    models: Sequence[ScoredModel],
    costs: Sequence[GeneratorCost | None] | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> ModelComparison:
    """Scores with intervals and paired differences.

    Args:
        models: at least two, measured on the same images in the same way.
        costs: of each.
        draws: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UserError: fewer than two, or measured on other images or in another way.
    """
    require_alike(models)
    notes = [*_places(models)]
    metrics = _ordered(dict.fromkeys(key for model in models for key in model.scores))
    scores: dict[str, Sequence[Estimate | None]] = {}
    paired: dict[str, Mapping[tuple[int, int], Estimate]] = {}
    without: list[str] = []
    for metric in metrics:
        rows = [model for model in models if model.scores.get(metric) is not None]
        images = _common_images(rows, metric)
        if not images:
            scores[metric] = [_bare(model.scores.get(metric)) for model in models]
            without += [metric] if rows else []
            continue
        if len(images) < models[0].images:
            notes.append(f"{metric}: of the {counted(len(images), 'image')} that have it of every model.")
        table = np.array([[model.per_image[image][metric] for image in images] for model in rows], np.float64)
        means = resampled_means(table, draws, seed)
        found = dict(zip((id(model) for model in rows), estimates(table, means), strict=True))
        scores[metric] = [found.get(id(model)) for model in models]
        places = [index for index, model in enumerate(models) if id(model) in found]
        paired[metric] = {(places[i], places[j]): one for (i, j), one in differences(table, means).items()}
    notes += _missing(models, metrics)
    if without:
        notes.append(f"Scores of the whole set, without interval: {', '.join(without)}.")
    return ModelComparison(models, metrics, scores, paired, costs or [None] * len(models), draws, notes)


def require_alike(models: Sequence[ScoredModel]) -> None:
    """A `UserError` unless all were measured on the same images in the same way."""
    if len(models) < 2:
        raise UserError(f"{counted(len(models), 'model')}: at least two are compared")
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"two models are called {twice}: give each a name of its own, as names=[A,B]")
    first = models[0]
    for other in models[1:]:
        problems = _differing("data", first.data, other.data, PLACES)
        problems += _differing("evaluation", first.evaluation, other.evaluation, CHOICES)
        if "none" not in (first.segmenter.get("kind"), other.segmenter.get("kind")):
            problems += _differing("segmenter", first.segmenter, other.segmenter, CACHES)
        for one, rest in ((first, other), (other, first)):
            lacking = sorted(set(one.per_image) - set(rest.per_image))
            number = counted(len(lacking), "image")
            problems += (
                [f"{number} of {one.name} missing in {rest.name}: {listed(lacking)}"] if lacking else []
            )
        if problems:
            raise UserError(
                f"{first.name} and {other.name} were not measured alike:\n  "
                + "\n  ".join(problems)
                + "\nmeasure both in the same way: asap evaluate compare with their checkpoints does"
            )


def _differing(what: str, one: Mapping[str, Any], other: Mapping[str, Any], free: Sequence[str]) -> list[str]:
    if not one or not other:  # other programs' figures do not say
        return []
    keys = [key for key in dict.fromkeys([*one, *other]) if key not in free]
    return [
        f"{what}.{key}: {one.get(key)!r} and {other.get(key)!r}"
        for key in keys
        if one.get(key) != other.get(key)
    ]


def _places(models: Sequence[ScoredModel]) -> list[str]:
    notes = []
    for key in PLACES:
        values = dict.fromkeys(str(model.data[key]) for model in models if key in model.data)
        if len(values) > 1:
            notes.append(
                f"The data are called by several names ({key}: {', '.join(values)}); the images' names agree."
            )
    unsaid = [model.name for model in models if not model.data]
    if unsaid and len(unsaid) < len(models):
        notes.append(f"What {', '.join(unsaid)} were measured on is not known but for the images' names.")
    return notes


def _ordered(metrics: Mapping[str, Any]) -> list[str]:
    known = [key for key in METRICS if key in metrics]
    return [*known, *(key for key in metrics if key not in METRICS)]


def _common_images(models: Sequence[ScoredModel], metric: str) -> list[str]:
    """Images of which every model has this score; none if it is a score of the set."""
    if not models:
        return []
    return [
        image
        for image in models[0].per_image
        if all(model.per_image[image].get(metric) is not None for model in models)
    ]


def _bare(value: float | None) -> Estimate | None:
    return None if value is None else Estimate(value)


def _missing(models: Sequence[ScoredModel], metrics: Sequence[str]) -> list[str]:
    lacking = {metric: [m.name for m in models if m.scores.get(metric) is None] for metric in metrics}
    return [f"{metric}: not measured of {', '.join(names)}." for metric, names in lacking.items() if names]
