"""The two networks whose features are matched (section 3.1)."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.layers import PositionalNorm2d, spectral_norm
from asap_lightning.models.spade.normalization import SpadeBlock

LEVELS = 4
"""Sizes at which features are matched: 1/8, 1/4, 1/2 and all of the image's."""
COARSEST = 2 ** (LEVELS - 1)


class PreluResidualBlock(nn.Module):
    """prelu(x + norm(conv3x3(prelu(norm(conv3x3(x)))))), reflecting, instance norm, a slope an activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.norm1, self.norm2 = nn.InstanceNorm2d(channels), nn.InstanceNorm2d(channels)
        self.inner, self.outer = nn.PReLU(), nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.norm2(self.conv2(self.inner(self.norm1(self.conv1(x)))))
        result: Tensor = self.outer(x + hidden)
        return result


class MatchingFeatures(nn.Module):
    """A U-Net whose way up is made of SPADE blocks that look at its input.

    Down: conv3x3 with spectral and instance norm, ``width`` x (1, 2, 4, 4, 4) wide, the last three with
    stride 2, LeakyReLU 0.2 before each and a residual block after all but the first. Up: doubled bilinearly,
    and the layer of that size is added.

    Args:
        planes: channels of the input.
        width: nef.
        hidden: channels inside each SPADE.
    """

    def __init__(self, planes: int, *, width: int, hidden: int = 128) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 4 * width, 4 * width]
        sizes = [(planes, width), *pairwise(widths)]
        strides = (1, 1, 2, 2, 2)
        self.convs = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 3, stride, 1, bias=False))
            for (a, b), stride in zip(sizes, strides, strict=True)
        )
        self.norms = nn.ModuleList(nn.InstanceNorm2d(channels) for channels in widths)
        self.residual = nn.ModuleList(PreluResidualBlock(channels) for channels in widths[1:])
        self.up = nn.ModuleList(
            SpadeBlock(a, b, planes, norm=PositionalNorm2d, hidden=hidden, padding="reflect")
            for a, b in pairwise([widths[-1], *widths[::-1][:2], *widths[1::-1]])
        )

    def forward(self, planes: Tensor) -> list[Tensor]:
        """(B, planes, H, W) -> maps at 1/8, 1/4, 1/2 and all of its size, ``width`` x (4, 4, 2, 1) wide."""
        x = self.norms[0](self.convs[0](planes))
        layers = []
        for conv, norm, residual in zip(
            list(self.convs)[1:], list(self.norms)[1:], self.residual, strict=True
        ):
            x = residual(norm(conv(F.leaky_relu(x, 0.2))))
            layers.append(x)
        found: list[Tensor] = []
        for block, layer in zip(self.up, reversed(layers), strict=True):
            if found:
                x = F.interpolate(found[-1], scale_factor=2, mode="bilinear", align_corners=True) + layer
            found.append(block(x, planes))
        return found
