"""How good samples of one image are: SIFID against it, and how much they differ from each other.

Shaham et al. 2019, section 3 (diversity) and table 1 (SIFID).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from asap_lightning.errors import Unavailable
from asap_lightning.metrics.features.single_image import position_distance
from asap_lightning.metrics.metric import Bench
from asap_lightning.metrics.pairs import Images, Pairs


def diversity(samples: Tensor, real: Tensor) -> float | None:
    """Standard deviation of a pixel's intensity over samples, averaged over pixels, over that of the image.

    Intensity is the mean of the channels (the paper says "the intensity values of each pixel").

    Args:
        samples: (N, C, H, W), of one size.
        real: (1, C, h, w).

    Returns:
        None for fewer than two samples, or an image of one intensity.
    """
    contrast = float(real.mean(1).std(correction=0))
    if len(samples) < 2 or contrast == 0:
        return None
    return float(samples.mean(1).std(0, correction=0).mean()) / contrast


def single_image_distances(
    samples: Sequence[Tensor], real: Tensor, bench: Bench | None = None
) -> dict[str, Any]:
    """SIFID where torchvision's Inception is there, and the same distance of EfficientNet's early features.

    Args:
        samples: (1, 3, H, W) each, of any size.
        real: (1, 3, h, w).
        bench: with the settings and networks of metrics; None: those that are found by themselves.

    Returns:
        ``sifid`` and ``sifid_effnet``: the mean over samples, or None; beside each that is None its reason.
    """
    bench = bench or Bench()
    found: dict[str, Any] = {}
    for name, describe in (("sifid", _inception), ("sifid_effnet", _effnet)):
        try:
            network = describe(bench)
            with torch.no_grad():
                photo = network(real)
                found[name] = sum(float(position_distance(network(one), photo)) for one in samples) / len(
                    samples
                )
        except Unavailable as missing:
            found |= {name: None, f"{name}_reason": str(missing)}
    return found


def _inception(bench: Bench) -> Any:
    """Inception-v3 up to the layer before its second max pooling, as the paper describes."""
    from asap_lightning.metrics.catalogue.sifid import LEAST
    from asap_lightning.metrics.features.torchvision_networks import load_inception_positions

    network = bench.network("inception_positions", lambda: load_inception_positions(bench))

    def features(image: Tensor) -> Tensor:
        images = Images.of_signed(image, ["image"])
        Pairs(images).require_side(LEAST)
        described: Tensor = images.features(network)
        return described

    return features


def _effnet(bench: Bench) -> Any:
    """EfficientNet-Lite0's second map (24 channels, at a quarter of the size)."""
    from asap_lightning.metrics.features.kinds import EFFNET
    from asap_lightning.metrics.features.networks import EfficientNetFeatures

    network = EFFNET.load(bench)
    assert isinstance(network, EfficientNetFeatures)

    def features(image: Tensor) -> Tensor:
        if min(image.shape[-2:]) < 16:
            raise Unavailable(
                f"an image of {image.shape[-1]} x {image.shape[-2]} is too small: 16 pixels a side"
            )
        return network.stages(Images.of_signed(image, ["image"]))[1]

    return features


def shuffled_blocks(image: Tensor, side: int = 16, seed: int = 0) -> Tensor:
    """The image with its blocks in another order: the same colours and small structures, and nothing larger.

    A yardstick for SIFID: samples must come below it. What is left over at the right and the bottom is cut.
    """
    _, channels, height, width = image.shape
    rows, columns = height // side, width // side
    kept = image[..., : rows * side, : columns * side]
    blocks = kept.reshape(channels, rows, side, columns, side).permute(1, 3, 0, 2, 4).flatten(0, 1)
    order = torch.randperm(len(blocks), generator=torch.Generator().manual_seed(seed))
    shuffled = blocks[order].unflatten(0, (rows, columns)).permute(2, 0, 3, 1, 4)
    return shuffled.reshape(1, channels, rows * side, columns * side)
