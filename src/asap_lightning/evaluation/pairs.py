"""Translating every pair of a data set and comparing it with its photo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.data.panels import Picture
from asap_lightning.data.sample_pictures import column_titles, sample_pictures, spread
from asap_lightning.errors import UserError
from asap_lightning.evaluation.report import EvaluationReport, ImageRow
from asap_lightning.metrics import image_scores


@torch.inference_mode()
def evaluate(
    translate: Callable[[Condition], Tensor],
    batches: Iterable[Batch],
    spec: ConditionSpec,
    *,
    samples: int = 4,
    longest: int | None = 512,
    total: int | None = None,
    about: Mapping[str, Any] | None = None,
    on_image: Callable[[ImageRow], None] | None = None,
) -> EvaluationReport:
    """PSNR, SSIM and L1 of every image and their means.

    Args:
        translate: condition -> images (B, 3, H, W) in [-1, 1]: `Translator.translate`, or a
            `TranslationModule` in evaluation mode. Where the result lies does not matter.
        batches: pairs with photos; pairs without one cannot be measured and are refused.
        spec: the kind of the conditions.
        samples: images kept as pictures, evenly over the data set if ``total`` is known, else the first.
        longest: larger pictures are made smaller until their longer side has this many pixels.
        total: number of pairs in ``batches``.
        about: plain values that go into the report.
        on_image: called after every image, for progress bars.

    Raises:
        UserError: there is no pair, or a pair has no photo.
    """
    chosen = spread(samples, samples if total is None else total)
    rows: list[ImageRow] = []
    pictures: list[tuple[str, list[Picture]]] = []
    for batch in batches:
        if batch.photo is None:
            raise UserError(f"'{batch.names[0]}' has no photo to compare with: choose a split with photos")
        generated = translate(batch.condition)
        photos = batch.photo.to(generated.device)
        for index, (name, (height, width)) in enumerate(zip(batch.names, batch.valid, strict=True)):
            if len(rows) in chosen:
                pictures.append((name, sample_pictures(batch, generated, index, spec, longest)))
            scores = image_scores(generated[index, :, :height, :width], photos[index, :, :height, :width])
            rows.append(ImageRow(name, {key: float(score) for key, score in scores._asdict().items()}))
            if on_image is not None:
                on_image(rows[-1])
    return EvaluationReport(rows, pictures, column_titles(spec), dict(about or {}))
