"""Structural similarity (Wang et al., 2004)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.metrics.metric import Bench, ImageScore, Metric, MetricDeclaration

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs


def ssim(pairs: Pairs) -> Tensor:
    """Gaussian window, reflected border."""
    from asap_lightning.metrics.similarity import structural_similarity

    return structural_similarity(*pairs.units())


def make(bench: Bench) -> ImageScore:
    """Needs nothing."""
    return ssim


METRIC = Metric(
    MetricDeclaration(
        "ssim", "SSIM", "max", "image", "Wang et al. 2004, window of sigma 1.5", needs=("photo",), order=1
    ),
    make,
)
