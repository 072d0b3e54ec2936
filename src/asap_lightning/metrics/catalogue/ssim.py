"""Structural similarity (Wang et al., 2004), torchmetrics'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.metrics.metric import Bench, ImageScore, Metric, MetricDeclaration

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs

SIGMA = 1.5
"""Standard deviation of the Gaussian window (11 x 11)."""


def ssim(pairs: Pairs) -> Tensor:
    """Gaussian window, reflected border.

    Images of fewer than 6 rows or columns get the widest window that their border can be reflected for.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    generated, photo = pairs.units()
    shortest = min(generated.shape[-2:])
    # The window reaches int(3.5 sigma + 0.5) pixels; a reflected border must be narrower than the image.
    sigma = min(SIGMA, (shortest - 1) / 3.5)
    window = {"sigma": sigma} if sigma > 0 else {"gaussian_kernel": False, "kernel_size": 1}
    value = structural_similarity_index_measure(generated, photo, data_range=1.0, reduction="none", **window)
    assert not isinstance(value, tuple)
    return value.reshape(-1)


def make(bench: Bench) -> ImageScore:
    """Needs nothing."""
    return ssim


METRIC = Metric(
    MetricDeclaration(
        "ssim", "SSIM", "max", "image", "Wang et al. 2004, window of sigma 1.5", needs=("photo",), order=1
    ),
    make,
)
