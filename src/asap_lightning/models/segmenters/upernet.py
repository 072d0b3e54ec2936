"""UPerNet (Xiao et al. 2018) on ResNet-101, which ADE20K is labelled with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.segmenters.residual import ConvNorm, bottlenecks


class PyramidEncoder(nn.Module):
    """ResNet with a stem of three 3x3 convolutions: features at 1/4, 1/8, 1/16 and 1/32."""

    def __init__(self, blocks: Sequence[int], width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            ConvNorm(3, width, stride=2), ConvNorm(width, width), ConvNorm(width, 2 * width)
        )
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.widths = [4 * width * 2**index for index in range(len(blocks))]
        sources = [2 * width, *self.widths]
        self.stages = nn.ModuleList(
            bottlenecks(count, sources[i], self.widths[i], stride=2 if i else 1)
            for i, count in enumerate(blocks)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        features = [self.pool(self.stem(images))]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features[1:]


class UPerNet(nn.Module):
    """Images (B, 3, H, W) -> logits (B, classes, H/4, W/4), for H, W divisible by 32.

    The coarsest features are pooled to a few grids (pyramid pooling), brought down the feature pyramid by
    addition, and all levels are joined at 1/4.

    Args:
        classes: number of classes.
        blocks: bottlenecks a stage of the encoder.
        width: channels of the encoder's stem.
        pyramid: channels of every level of the pyramid.
        pools: sides of the grids.
    """

    def __init__(
        self,
        classes: int = 150,
        *,
        blocks: Sequence[int] = (3, 4, 23, 3),
        width: int = 64,
        pyramid: int = 512,
        pools: Sequence[int] = (1, 2, 3, 6),
    ) -> None:
        super().__init__()
        self.encoder = PyramidEncoder(blocks, width)
        *finer, coarsest = self.encoder.widths
        self.pools = tuple(pools)
        self.pooled = nn.ModuleList(ConvNorm(coarsest, pyramid, 1) for _ in pools)
        self.bottom = ConvNorm(coarsest + len(pools) * pyramid, pyramid)
        self.lateral = nn.ModuleList(ConvNorm(channels, pyramid, 1) for channels in finer)
        self.smooth = nn.ModuleList(ConvNorm(pyramid, pyramid) for _ in finer)
        self.join = ConvNorm(len(blocks) * pyramid, pyramid)
        self.head = nn.Conv2d(pyramid, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        *finer, coarsest = self.encoder(images)
        grids = [
            conv(_resized(F.adaptive_avg_pool2d(coarsest, side), coarsest))
            for side, conv in zip(self.pools, self.pooled, strict=True)
        ]
        down = self.bottom(torch.cat([coarsest, *grids], dim=1))
        levels = [down]
        for index in reversed(range(len(finer))):
            beside = self.lateral[index](finer[index])
            down = beside + _resized(down, beside)
            levels.insert(0, self.smooth[index](down))
        joined = self.join(torch.cat([_resized(level, levels[0]) for level in levels], dim=1))
        logits: Tensor = self.head(joined)
        return logits


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
