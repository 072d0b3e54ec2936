"""Single-image FID (Shaham et al., 2019): the Frechet distance of two images' features over positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.metrics.metric import Bench, ImageScore, Metric, MetricDeclaration

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs

LEAST = 23
"""Pixels of the shorter side for features at several positions."""


def make(bench: Bench) -> ImageScore:
    """Needs torchvision's Inception-v3."""
    from asap_lightning.metrics.features.single_image import position_distance
    from asap_lightning.metrics.features.torchvision_networks import load_inception_positions

    net = bench.network("inception_positions", lambda: load_inception_positions(bench))

    def score(pairs: Pairs) -> Tensor:
        pairs.require_side(LEAST)
        generated, photo = pairs.both()
        return position_distance(generated.features(net), photo.features(net))

    return score


METRIC = Metric(
    MetricDeclaration(
        "sifid",
        "SIFID",
        "min",
        "image",
        "Shaham et al. 2019: torchvision's Inception-v3 up to its second max pooling, no resizing",
        needs=("photo", "weights"),
        order=15,
    ),
    make,
)
