"""Learned perceptual image patch similarity (Zhang et al., 2018), with each of its three networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asap_lightning.metrics.metric import Bench, ImageScore, Metric, MetricDeclaration

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.metrics.pairs import Pairs

HEADINGS = {"alex": "AlexNet", "vgg": "VGG-16", "squeeze": "SqueezeNet"}
LEAST = {"alex": 31, "vgg": 16, "squeeze": 17}
"""Pixels of the shorter side that reach the last layer."""


def maker(network: str) -> Callable[[Bench], ImageScore]:
    """What makes LPIPS with one of its networks."""

    def make(bench: Bench) -> ImageScore:
        from asap_lightning.metrics.features.networks import placed
        from asap_lightning.metrics.features.torchvision_networks import load_lpips

        net = bench.network(("lpips", network), lambda: load_lpips(network, bench))

        def score(pairs: Pairs) -> Tensor:
            pairs.require_side(LEAST[network])
            generated, photo = pairs.units()
            distance: Tensor = placed(net, generated)(generated, photo, normalize=True)
            return distance.reshape(-1)

        return score

    return make


METRICS = tuple(
    Metric(
        MetricDeclaration(
            f"lpips_{network}",
            f"LPIPS ({heading})",
            "min",
            "image",
            "Zhang et al. 2018, version 0.1, heads as torchmetrics packs them",
            needs=("photo", "weights"),
            order=10 + place,
        ),
        maker(network),
    )
    for place, (network, heading) in enumerate(HEADINGS.items())
)
