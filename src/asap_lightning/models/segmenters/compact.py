"""A small U-Net (Ronneberger et al. 2015) that a CPU trains in minutes on a data set's own pairs."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.segmenters.residual import BasicBlock, ConvNorm


class CompactUNet(nn.Module):
    """Images (B, 3, H, W) -> logits (B, classes, H, W), any size.

    Residual blocks at 1/2, 1/4, .., each level wider by a half; the way back adds the level beside it. The
    coarsest level also sees the mean over the whole image. Levels are halved by averaging: the gradient of a
    strided 1x1 convolution in channels_last writes outside its memory (torch 2.15, CPU, 4 channels to 8).

    Args:
        classes: number of classes.
        width: channels at half the resolution; the stem has half of it.
        levels: halvings.
    """

    def __init__(self, classes: int, *, width: int = 32, levels: int = 5) -> None:
        super().__init__()
        widths = [width // 2, *(round(width * 1.5**level) for level in range(levels))]
        self.stem = ConvNorm(3, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), BasicBlock(a, b)) for a, b in pairwise(widths)
        )
        self.context = nn.Conv2d(widths[-1], widths[-1], 1)
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(ConvNorm(a, a) for a in widths[:-1])
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        features = [self.stem(images)]
        for stage in self.down:
            features.append(stage(features[-1]))
        x = features.pop()
        x = x + self.context(x.mean((2, 3), keepdim=True))
        for lateral, up in zip(reversed(self.lateral), reversed(self.up), strict=True):
            beside = features.pop()
            x = F.interpolate(lateral(x), size=beside.shape[-2:], mode="bilinear", align_corners=False)
            x = up(x + beside)
        logits: Tensor = self.head(x)
        return logits
