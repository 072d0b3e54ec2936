"""Mean absolute difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.metrics.metric import Bench, ImageScore, Metric, MetricDeclaration

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs


def l1(pairs: Pairs) -> Tensor:
    """mean(|g - p|), g, p in {0, 1/255, .., 1}."""
    generated, photo = pairs.units()
    return (generated - photo).abs().flatten(1).mean(1)


def make(bench: Bench) -> ImageScore:
    """Needs nothing."""
    return l1


METRIC = Metric(
    MetricDeclaration(
        "l1", "L1", "min", "image", "mean absolute difference", "images in [0, 1]", needs=("photo",), order=2
    ),
    make,
)
