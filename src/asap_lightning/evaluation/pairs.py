"""Translating every pair of a data set and comparing it with its photo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import torch

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.data.panels import Picture
from asap_lightning.data.sample_pictures import column_titles, sample_pictures, spread
from asap_lightning.errors import UserError
from asap_lightning.evaluation.given_pictures import Source, images_from
from asap_lightning.evaluation.report import EvaluationReport, ImageRow
from asap_lightning.metrics import MetricSuite, pairs_of
from asap_lightning.metrics.processes import gathered
from asap_lightning.ranks import world_size

Found = TypeVar("Found")


@torch.inference_mode()
def evaluate(
    translate: Source,
    batches: Iterable[Batch],
    spec: ConditionSpec,
    *,
    suite: MetricSuite | None = None,
    samples: int = 4,
    longest: int | None = 512,
    names: Sequence[str] | None = None,
    about: Mapping[str, Any] | None = None,
    on_image: Callable[[ImageRow], None] | None = None,
) -> EvaluationReport:
    """The scores of every image and of the whole set.

    Several processes (torch.distributed) measure the batches of each together, and all get the whole report.

    Args:
        translate: condition -> images (B, 3, H, W) in [-1, 1]: `Translator.translate`, or a
            `TranslationModule` in evaluation mode; or pictures that are there. Where the result lies, there
            metrics compute.
        batches: pairs with photos; pairs without one cannot be measured and are refused.
        spec: the kind of the conditions.
        suite: what is measured; None takes PSNR, SSIM and L1.
        samples: images kept as pictures, evenly over the data set if ``names`` are known, else the first.
        longest: larger pictures are made smaller until their longer side has this many pixels.
        names: of all pairs in their order, which rows and pictures of several processes are brought to.
        about: plain values that go into the report.
        on_image: called after every image, for progress bars.

    Raises:
        UserError: there is no pair, or a pair has no photo.
    """
    suite = MetricSuite() if suite is None else suite
    chosen = None if names is None else {names[index] for index in spread(samples, len(names))}
    rows: list[ImageRow] = []
    pictures: list[tuple[str, dict[str, Picture]]] = []
    for batch in batches:
        if batch.photo is None and world_size() > 1:
            continue  # in the place of a pair, where there are fewer pairs than processes
        if batch.photo is None:
            raise UserError(f"'{batch.names[0]}' has no photo to compare with: choose a split with photos")
        generated = images_from(translate, batch)
        for index, name in enumerate(batch.names):
            if len(rows) + index < samples if chosen is None else name in chosen:
                pictures.append((name, sample_pictures(batch, generated, index, spec, longest)))
        for pairs in pairs_of(
            generated, batch.photo, batch.names, label=batch.condition.label, valid=batch.valid
        ):
            for name, scores in zip(pairs.any.names, suite.update(pairs), strict=True):
                rows.append(ImageRow(name, scores))
                if on_image is not None:
                    on_image(rows[-1])
    results = suite.compute()
    rows = in_order((row for part in gathered(rows) for row in part), names, lambda row: row.name)
    pictures = in_order((one for part in gathered(pictures) for one in part), names, lambda one: one[0])
    titles = column_titles(spec, pictures[0][1]) if pictures else []
    shown = [(name, list(row.values())) for name, row in pictures]
    return EvaluationReport(rows, results, shown, titles, dict(about or {}))


def in_order(
    found: Iterable[Found], names: Sequence[str] | None, name: Callable[[Found], str]
) -> list[Found]:
    """What several processes have found, as the data set has it; as it is where that is not known."""
    if names is None:
        return list(found)
    places = {name: place for place, name in enumerate(names)}
    return sorted(found, key=lambda one: places[name(one)])
