"""A distance of two images in EfficientNet-Lite0's features: as LPIPS, but without fitted weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.metrics.features.kinds import EFFNET
from asap_lightning.metrics.metric import Bench, ImageScore, Metric, MetricDeclaration

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs


def make(bench: Bench) -> ImageScore:
    """Needs EfficientNet-Lite0."""
    from asap_lightning.metrics.features.layered import layered_distance
    from asap_lightning.metrics.features.networks import EfficientNetFeatures

    network = EFFNET.load(bench)
    assert isinstance(network, EfficientNetFeatures)

    def distance(pairs: Pairs) -> Tensor:
        generated, photo = pairs.both()
        return layered_distance(network.stages(generated), network.stages(photo))

    return distance


METRIC = Metric(
    MetricDeclaration(
        "effnet_distance",
        "Distance (EfficientNet-Lite0)",
        "min",
        "image",
        "as LPIPS (Zhang et al. 2018), of another network and all channels alike: it is not LPIPS",
        needs=("photo", "weights"),
        order=13,
    ),
    make,
)
