"""DeepLab v2 (Chen et al. 2018) with ResNet-101 and three scales, which COCO-Stuff is labelled with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.segmenters.residual import ConvNorm, bottlenecks

RESNET101 = (3, 4, 23, 3)
STRIDES, DILATIONS = (1, 2, 1, 1), (1, 1, 2, 4)


class DeepLabV2(nn.Module):
    """Images (B, 3, H, W) -> logits (B, classes, ~H/8, ~W/8), the largest of those at several scales.

    ResNet whose last two stages are dilated (2, 4) instead of strided; atrous spatial pyramid pooling: the
    sum of 3x3 convolutions to the classes, one a rate.

    Args:
        classes: number of classes.
        blocks: bottlenecks a stage.
        rates: dilations of the pooling's convolutions.
        scales: further sizes of the image; their logits are resized to those of the full size.
        width: channels of the stem.
    """

    def __init__(
        self,
        classes: int = 182,
        *,
        blocks: Sequence[int] = RESNET101,
        rates: Sequence[int] = (6, 12, 18, 24),
        scales: Sequence[float] = (0.5, 0.75),
        width: int = 64,
    ) -> None:
        super().__init__()
        self.scales = tuple(scales)
        self.stem = ConvNorm(3, width, 7, stride=2)
        self.pool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        stages, inputs = [], width
        for index, (count, stride, dilation) in enumerate(zip(blocks, STRIDES, DILATIONS, strict=True)):
            outputs = 4 * width * 2**index
            stages.append(
                bottlenecks(count, inputs, outputs, stride=stride, dilation=dilation, stride_first=True)
            )
            inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.heads = nn.ModuleList(
            nn.Conv2d(inputs, classes, 3, padding=rate, dilation=rate) for rate in rates
        )

    def logits(self, images: Tensor) -> Tensor:
        """Those of one scale: (B, classes, ~H/8, ~W/8)."""
        features = self.stages(self.pool(self.stem(images)))
        total: Tensor = self.heads[0](features)
        for head in self.heads[1:]:
            total = total + head(features)
        return total

    def forward(self, images: Tensor) -> Tensor:
        best = self.logits(images)
        for scale in self.scales:
            smaller = F.interpolate(images, scale_factor=scale, mode="bilinear", align_corners=False)
            found = F.interpolate(
                self.logits(smaller), size=best.shape[-2:], mode="bilinear", align_corners=False
            )
            best = torch.maximum(best, found)
        return best
