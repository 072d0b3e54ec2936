"""The feature pyramid on the condition."""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.layers import Norm, WeightNorm, spectral_norm


class LabelPyramid(nn.Module):
    """Dense condition (B, C, H, W) -> features (B, width, H / 2 ** l, W / 2 ** l), coarsest first.

    Bottom-up conv3x3, s2 but the first; top-down: nearest x2 plus a lateral conv1x1, then conv3x3 (figure 2).

    Args:
        inputs: channels of the condition.
        width: channels of every level.
        levels: number of levels.
        norm: makes a norm from a number of channels.
        weight_norm: wraps each convolution.
    """

    def __init__(
        self,
        inputs: int,
        *,
        width: int,
        levels: int,
        norm: Norm = nn.BatchNorm2d,
        weight_norm: WeightNorm = spectral_norm,
    ) -> None:
        super().__init__()

        def block(a: int, b: int, kernel: int, stride: int = 1) -> nn.Sequential:
            conv = weight_norm(nn.Conv2d(a, b, kernel, stride, kernel // 2, bias=False))
            return nn.Sequential(OrderedDict(conv=conv, norm=norm(b), activation=nn.LeakyReLU(0.2)))

        self.down = nn.ModuleList(
            block(width if level else inputs, width, 3, 2 if level else 1) for level in range(levels)
        )
        self.lateral = nn.ModuleList(block(width, width, 1) for _ in range(levels - 1))
        self.smooth = nn.ModuleList(block(width, width, 3) for _ in range(levels - 1))

    def forward(self, planes: Tensor) -> list[Tensor]:
        encoded = []
        for stage in self.down:
            planes = stage(planes)
            encoded.append(planes)
        results = [encoded.pop()]
        for lateral, smooth in zip(self.lateral, self.smooth, strict=True):
            finer = encoded.pop()
            enlarged = F.interpolate(results[-1], size=finer.shape[-2:], mode="nearest")
            results.append(smooth(enlarged + lateral(finer)))
        return results
