"""Peak signal-to-noise ratio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.metrics.metric import Bench, ImageScore, Metric, MetricDeclaration

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs

CAP = 100.0
"""dB given to an image without any error, whose PSNR would be infinite and spoil every mean."""


def psnr(pairs: Pairs) -> Tensor:
    """-10 log10(mean((g - p)^2)), g, p in {0, 1/255, .., 1}."""
    generated, photo = pairs.units()
    squared = (generated - photo).square().flatten(1).mean(1)
    return -10 * squared.clamp(min=10 ** (-CAP / 10)).log10()


def make(bench: Bench) -> ImageScore:
    """Needs nothing."""
    return psnr


METRIC = Metric(
    MetricDeclaration(
        "psnr", "PSNR", "max", "image", "of 8-bit images, at most 100", "dB", needs=("photo",), order=0
    ),
    make,
)
