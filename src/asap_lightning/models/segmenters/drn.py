"""Dilated residual networks of type D (Yu et al. 2017), which Cityscapes' results are labelled with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.segmenters.residual import BasicBlock, Bottleneck, ConvNorm

STRIDES = (1, 1, 2, 2, 2, 1, 1, 1, 1)
DILATIONS = (1, 1, 1, 1, 1, 2, 4, 2, 1)
WIDTHS = (16, 16, 32, 64, 128, 256, 512, 512, 512)
RESIDUAL = range(3, 7)
"""The stages of residual blocks; the others are plain convolutions."""

D105 = (1, 1, 1, 3, 4, 23, 3, 1, 1)
D22 = (1, 1, 1, 2, 2, 2, 2, 1, 1)


class DilatedResnet(nn.Module):
    """DRN-D: images (B, 3, H, W) -> log-probabilities (B, classes, H, W) for H, W divisible by 8.

    conv7x7, two stages of 3x3 convolutions, four of residual blocks (strides 2, 2, 1, 1, the last two dilated
    by 2 and 4), two of dilated and plain convolutions, 1x1 to the classes at 1/8; from there a fixed bilinear
    x8, a transposed convolution a class, whose kernel travels in the weights (``up``).

    Args:
        classes: number of classes.
        depths: convolutions or blocks a stage: `D105`, `D22`.
        widths: channels a stage; of bottlenecks the inner ones, a quarter of what they return.
        bottleneck: whether the residual blocks are bottlenecks.
    """

    def __init__(
        self,
        classes: int = 19,
        *,
        depths: Sequence[int] = D105,
        widths: Sequence[int] = WIDTHS,
        bottleneck: bool = True,
    ) -> None:
        super().__init__()
        if len(depths) != len(STRIDES) or len(widths) != len(STRIDES):
            raise ValueError(f"a DRN-D has {len(STRIDES)} stages, got depths {depths} and widths {widths}")
        outputs = [width * (4 if bottleneck and i in RESIDUAL else 1) for i, width in enumerate(widths)]
        stages = []
        for index, (given, made) in enumerate(pairwise([3, *outputs])):
            stages.append(_stage(index, depths[index], given, made, bottleneck))
        self.stages = nn.Sequential(*stages)
        self.head = nn.Conv2d(outputs[-1], classes, 1)
        self.up = nn.ConvTranspose2d(classes, classes, 16, 8, 4, groups=classes, bias=False)
        with torch.no_grad():
            self.up.weight.copy_(bilinear_kernel(8))

    def scores(self, images: Tensor) -> Tensor:
        """Before the upsampling: (B, classes, H/8, W/8)."""
        scores: Tensor = self.head(self.stages(images))
        return scores

    def forward(self, images: Tensor) -> Tensor:
        return F.log_softmax(self.up(self.scores(images)), dim=1)


def _stage(index: int, depth: int, inputs: int, outputs: int, bottleneck: bool) -> nn.Sequential:
    stride, dilation = STRIDES[index], DILATIONS[index]
    layers: list[nn.Module] = []
    for place in range(depth):
        step = 1 if place else stride
        source = outputs if place else inputs
        if index in RESIDUAL:
            block = Bottleneck if bottleneck else BasicBlock
            layers.append(block(source, outputs, stride=step, dilation=dilation))
        else:
            kernel = 3 if index else 7
            layers.append(ConvNorm(source, outputs, kernel, stride=step, dilation=dilation))
    return nn.Sequential(*layers)


def bilinear_kernel(factor: int) -> Tensor:
    """(1, 1, 2f, 2f): a transposed convolution of stride f with it interpolates bilinearly.

    k(i, j) = t(i) t(j),  t(i) = 1 - |i - (f - 1/2)| / f
    """
    tent = 1 - (torch.arange(2 * factor) - (factor - 0.5)).abs() / factor
    return torch.outer(tent, tent)[None, None]
