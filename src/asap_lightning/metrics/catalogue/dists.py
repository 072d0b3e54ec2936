"""Deep image structure and texture similarity (Ding et al., 2020), torchmetrics'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.metrics.metric import Bench, ImageScore, Metric, MetricDeclaration

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs

LEAST = 16
"""Pixels of the shorter side that reach the last layer."""


def make(bench: Bench) -> ImageScore:
    """Needs VGG-16."""
    from asap_lightning.metrics.features.networks import placed
    from asap_lightning.metrics.features.torchvision_networks import load_dists

    net = bench.network("dists", lambda: load_dists(bench))

    def score(pairs: Pairs) -> Tensor:
        pairs.require_side(LEAST)
        distance: Tensor = placed(net, pairs.any.unit)(*pairs.units())
        return distance.reshape(-1)

    return score


METRIC = Metric(
    MetricDeclaration(
        "dists",
        "DISTS",
        "min",
        "image",
        "Ding et al. 2020, at the images' own size",
        needs=("photo", "weights"),
        order=14,
    ),
    make,
)
