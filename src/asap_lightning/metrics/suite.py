"""Several metrics over one pass of a data set.

Every image passes once; networks go where the images are. A metric of images scores each pair; the set's
value is the mean over images of the image's own score (not of pooled pixels), so it depends neither on the
batch size nor on how images are spread over processes. Metrics of sets gather states. Memory does not grow
with the number of images.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.metrics.catalogue import CATALOGUE
from asap_lightning.metrics.declarations import QUICK
from asap_lightning.metrics.metric import Bench, ImageScore, Metric, Outcome, SetScore
from asap_lightning.metrics.pairs import Pairs, pairs_of
from asap_lightning.metrics.processes import gathered, summed
from asap_lightning.ranks import world_size
from asap_lightning.wording import counted, listed

Scores = dict[str, float | None]


@dataclass
class Results:
    """What a suite has found.

    Attributes:
        values: every metric's score; None where there is none, never NaN.
        unavailable: why a metric has no score.
        details: plain values beside the scores, by metric.
        pictures: by name, (H, W, 3) uint8.
        warnings: what a reader of the scores must know.
        images: number of generated images that were measured, of photos.
    """

    values: Scores
    unavailable: dict[str, Unavailable] = field(default_factory=dict)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    pictures: dict[str, NDArray] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    images: tuple[int, int] = (0, 0)


def metrics_named(names: Iterable[str], option: str = "evaluation.metrics") -> list[Metric]:
    """The metrics of these keys.

    Raises:
        UserError: there is none of that name, or none at all.
    """
    keys = list(dict.fromkeys(names))
    unknown = [key for key in keys if key not in CATALOGUE]
    if unknown or not keys:
        what = f"there is no metric {', '.join(unknown)}" if unknown else "no metric is named"
        raise UserError(f"{option}: {what}; there are {', '.join(CATALOGUE)}")
    return [CATALOGUE[key] for key in keys]


class MetricSuite:
    """Metrics, and the images that they have seen since the last `reset`.

    Args:
        names: keys of metrics.
        settings: for all of them, see `Bench.settings`.
        lacking: what there is not (``label``; ``pairs``, which metrics of images compare), with the reason.
        option: the setting that has named the metrics, for messages.

    Attributes:
        unavailable: metrics that cannot be computed here, known before the first image.

    Raises:
        UserError: an unknown metric, or settings that one refuses.
    """

    def __init__(
        self,
        names: Iterable[str] = QUICK,
        *,
        settings: Mapping[str, Any] | None = None,
        lacking: Mapping[str, str] | None = None,
        option: str = "evaluation.metrics",
    ) -> None:
        self.metrics = {m.declaration.key: m for m in metrics_named(names, option)}
        self.settings = dict(settings or {})
        self.lacking = dict(lacking or {})
        self._networks: dict[Hashable, Any] = {}
        self.reset()

    @property
    def names(self) -> tuple[str, ...]:
        """Keys of the metrics."""
        return tuple(self.metrics)

    @property
    def available(self) -> tuple[str, ...]:
        """Keys of those that can be computed."""
        return tuple(key for key in self.metrics if key not in self.unavailable)

    @property
    def of_images(self) -> tuple[str, ...]:
        """Keys of those that score every image, as far as they can be computed."""
        return tuple(self._image_scores)

    def needs(self, what: str) -> bool:
        """Whether a metric that can be computed needs ``photo`` or ``label``."""
        return any(what in self.metrics[key].declaration.needs for key in self.available)

    def reset(self) -> None:
        """Forgets all images; networks stay loaded."""
        self._bench = Bench(self.settings, self._networks)
        self.unavailable: dict[str, Unavailable] = {}
        self._image_scores: dict[str, ImageScore] = {}
        self._set_scores: dict[str, SetScore] = {}
        self._states_of: dict[str, set[Hashable]] = {}
        self._refused: dict[Hashable, Unavailable] = {}
        for key, metric in self.metrics.items():
            try:
                self._make(key, metric)
            except Unavailable as reason:
                self.unavailable[key] = reason
        self._sums = dict.fromkeys(self._image_scores, 0.0)
        self._undefined: dict[str, list[str]] = {key: [] for key in self._image_scores}
        self._reasons: dict[str, str] = {}
        self._broken: list[str] = []
        self._seen = [0, 0]

    def _make(self, key: str, metric: Metric) -> None:
        pairs = ("pairs",) if metric.declaration.scope == "image" else ()
        for need in (*pairs, *metric.declaration.needs):
            if need in self.lacking:
                raise Unavailable(self.lacking[need])
        self._bench.asked = set()
        made = metric.make(self._bench)
        self._states_of[key] = self._bench.asked
        if metric.declaration.scope == "image":
            self._image_scores[key] = cast(ImageScore, made)
        else:
            self._set_scores[key] = cast(SetScore, made)

    @torch.no_grad()
    def update(self, pairs: Pairs) -> list[Scores]:
        """Takes some images.

        Returns:
            An image's own scores, one mapping an image; None where an image has none.
        """
        names = pairs.any.names
        rows: list[Scores] = [{} for _ in names]
        sides = [side for side in (pairs.generated, pairs.photo) if side is not None]
        broken = [any(side.broken[index] for side in sides) for index in range(len(names))]
        self._broken += [name for name, is_broken in zip(names, broken, strict=True) if is_broken]
        self._seen[0] += 0 if pairs.generated is None else len(names)
        self._seen[1] += 0 if pairs.photo is None else len(names)
        with torch.autocast(pairs.any.pixels.device.type, enabled=False):
            for key, score in self._image_scores.items():
                for row, value in zip(rows, self._values(key, score, pairs, broken), strict=True):
                    row[key] = value
            self._update_states(pairs)
        return rows

    def _update_states(self, pairs: Pairs) -> None:
        """A state that cannot take an image takes no more: the set would be another one."""
        for key, state in self._bench.states.items():
            if key not in self._refused:
                try:
                    state.update(pairs)
                except Unavailable as reason:
                    self._refused[key] = reason

    def _values(
        self, key: str, score: ImageScore, pairs: Pairs, broken: Sequence[bool]
    ) -> list[float | None]:
        """One value an image, added to the sums; None where there is none, which is noted."""
        names = pairs.any.names
        try:
            values: list[float] = score(pairs).tolist()
        except Unavailable as reason:
            self._reasons.setdefault(key, reason.reason)
            values = [math.nan] * len(names)
        found: list[float | None] = []
        for name, value, is_broken in zip(names, values, broken, strict=True):
            found.append(value if math.isfinite(value) and not is_broken else None)
            if found[-1] is None:
                self._undefined[key].append(name)
            else:
                self._sums[key] += value
        return found

    @property
    def has_updates(self) -> bool:
        """Whether there is something to compute: an image since the last reset.

        With several processes always true, since one without a share of the images must still take
        part when the others add up theirs.
        """
        return world_size() > 1 or any(self._seen)

    @torch.no_grad()
    def compute(self) -> Results:
        """The scores of all images of all processes."""
        seen = summed(torch.tensor(self._seen)).tolist()
        broken = [name for part in gathered(self._broken) for name in part]
        reasons = {key: reason for part in gathered(self._reasons) for key, reason in part.items()}
        undefined = {key: [n for p in gathered(names) for n in p] for key, names in self._undefined.items()}
        sums = summed(torch.tensor([*self._sums.values()], dtype=torch.float64)).tolist()
        results = Results({}, dict(self.unavailable), images=(seen[0], seen[1]))
        for (key, names), total in zip(undefined.items(), sums, strict=True):
            if names or not seen[0]:
                why = reasons.get(key) or _undefined(names, broken, seen[0])
                results.unavailable[key] = Unavailable(why)
            else:
                results.values[key] = total / seen[0]
        self._compute_sets(results, broken)
        results.values = {key: results.values.get(key) for key in self.metrics}
        return results

    def _compute_sets(self, results: Results, broken: Sequence[str]) -> None:
        refused = {key: reason for part in gathered(self._refused) for key, reason in part.items()}
        for state in self._bench.states.values():
            state.gather()
        for key, score in self._set_scores.items():
            try:
                if reasons := [refused[state] for state in self._states_of[key] if state in refused]:
                    raise reasons[0]
                outcome = self._outcome(key, score, results.images, broken)
            except Unavailable as reason:
                results.unavailable[key] = reason
                continue
            results.values[key] = outcome.value
            if outcome.details:
                results.details[key] = dict(outcome.details)
            results.pictures.update(outcome.pictures)
            results.warnings += [f"{key}: {warning}" for warning in outcome.warnings]

    def _outcome(self, key: str, score: SetScore, images: tuple[int, int], broken: Sequence[str]) -> Outcome:
        declared = self.metrics[key].declaration
        if broken:
            raise Unavailable(_holds_no_numbers(broken))
        counts = images if "photo" in declared.needs else images[:1]
        if min(counts) < declared.least:
            raise Unavailable(f"it needs at least {counted(declared.least, 'image')}, got {min(counts)}")
        outcome = score()
        if not math.isfinite(outcome.value):
            raise Unavailable(f"its value is not finite ({outcome.value})")
        return outcome


def _undefined(names: Sequence[str], broken: Sequence[str], images: int) -> str:
    if not images:
        return "no image was measured"
    if set(names) <= set(broken):
        return _holds_no_numbers(names)
    return f"it is not finite for {len(names)} of {counted(images, 'image')}: {listed(names)}"


def _holds_no_numbers(names: Sequence[str]) -> str:
    return f"{counted(len(names), 'image')} with values that are not finite numbers: {listed(names)}"


def image_scores(generated: Tensor, photo: Tensor, names: Iterable[str] = QUICK) -> Scores:
    """The scores of one image.

    Args:
        generated: (3, H, W) in [-1, 1].
        photo: (3, H, W) in [-1, 1].
        names: keys of metrics of images.

    Raises:
        ValueError: shapes differ, or there is no pixel.
    """
    (pairs,) = pairs_of(generated.unsqueeze(0), photo.unsqueeze(0), [""])
    return MetricSuite(names).update(pairs)[0]
