"""The one contract for discriminators, and what several of them have in common."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.condition import ConditionSpec

Features = list[list[Tensor]]
"""Per scale the features of every layer; the last of each is the prediction."""


class Discriminator(nn.Module):
    """Judges images with the condition that they were made from; a subclass says how in `judge` or `forward`.

    Args:
        spec: the kind of condition; its dense planes (edges included) are what is judged with the image.
        conditional: false: the image is judged alone (pix2pix, section 4.1: GAN against cGAN).
        image_channels: of the judged image.

    Attributes:
        judged_channels: of what `judge` gets: the image's and, if conditional, the dense condition's.
    """

    def __init__(self, spec: ConditionSpec, *, conditional: bool = True, image_channels: int = 3) -> None:
        super().__init__()
        self.spec, self.conditional = spec, conditional
        self.judged_channels = image_channels + (spec.dense_channels if conditional else 0)

    def forward(self, condition: Tensor, image: Tensor) -> Features:
        """Judges images.

        Args:
            condition: (B, dense_channels, H, W).
            image: (B, 3, H, W) in [-1, 1].
        """
        return self.judge(torch.cat([condition, image], dim=1) if self.conditional else image)

    def judge(self, pair: Tensor) -> Features:
        """As `forward`, on the concatenation of condition and image (B, judged_channels, H, W)."""
        raise NotImplementedError


class PyramidDiscriminator(Discriminator):
    """The same judgement at several scales, the first at full resolution and each other at half of the last.

    A subclass fills ``scales`` with networks that return the features of every layer.
    """

    scales: nn.ModuleList

    def judge(self, pair: Tensor) -> Features:
        results = []
        for index, scale in enumerate(self.scales):
            pair = halve(pair) if index else pair
            results.append(scale(pair))
        return results


class FeatureStages(nn.Module):
    """Stages in a row: (B, C, H, W) -> the features of every one, the last being the prediction."""

    stages: nn.ModuleList

    def forward(self, pair: Tensor) -> list[Tensor]:
        features = []
        for stage in self.stages:
            pair = stage(pair)
            features.append(pair)
        return features


def halve(image: Tensor) -> Tensor:
    """Average pool 3, stride 2, padding 1, the padding not counted."""
    return F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)
