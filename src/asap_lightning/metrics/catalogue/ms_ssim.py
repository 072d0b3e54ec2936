"""Multi-scale structural similarity (Wang et al., 2003), torchmetrics'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.metrics.metric import Bench, ImageScore, Metric, MetricDeclaration

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs

LEAST = 176
"""Pixels of the shorter side: halved four times, it must hold the window of 11 pixels."""


def ms_ssim(pairs: Pairs) -> Tensor:
    """Five scales, Gaussian window of sigma 1.5; contrast terms below 0 count as 0.

    Raises:
        Unavailable: an image is too small for five scales.
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as measure

    generated, photo = pairs.units()
    pairs.require_side(LEAST)
    # One at a time: torchmetrics' own reduction over a batch is not that of single images.
    scores = [measure(g[None], p[None], data_range=1.0) for g, p in zip(generated, photo, strict=True)]
    return pairs.any.unit.new_tensor([float(score) for score in scores])


def make(bench: Bench) -> ImageScore:
    """Needs nothing."""
    return ms_ssim


METRIC = Metric(
    MetricDeclaration(
        "ms_ssim",
        "MS-SSIM",
        "max",
        "image",
        "Wang et al. 2003, five scales",
        needs=("photo",),
        order=3,
    ),
    make,
)
