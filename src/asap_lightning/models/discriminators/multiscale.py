"""The multi-scale PatchGAN of SPADE and ASAP-Net."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.models.layers import Norm, spectral_norm, xavier_init

Features = list[list[Tensor]]


def halve(image: Tensor) -> Tensor:
    """Average pool 3, stride 2, padding 1, the padding not counted."""
    return F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)


def judged_channels(spec: ConditionSpec, conditional: bool, image_channels: int) -> int:
    """Channels that a discriminator sees: the image's and, if it is conditional, the dense condition's."""
    return image_channels + (spec.dense_channels if conditional else 0)


class PatchDiscriminator(nn.Module):
    """One scale: (B, C, H, W) -> the features of every layer, the last being the prediction.

    conv4x4 s2; ``layers - 1`` x (conv4x4 with spectral norm, instance norm), doubling up to ``max_width``,
    stride 2 but the last 1; conv4x4 s1 -> 1. LeakyReLU 0.2, padding 2 throughout. A convolution that a norm
    follows has no bias.
    """

    def __init__(
        self,
        inputs: int,
        *,
        layers: int = 4,
        width: int = 64,
        max_width: int = 512,
        norm: Norm = nn.InstanceNorm2d,
        spectral: bool = True,
    ) -> None:
        super().__init__()
        if layers < 2:
            raise ValueError(f"a patch discriminator needs at least 2 layers, got {layers}")
        widths = [min(width * 2**i, max_width) for i in range(layers)]
        stages = [nn.Sequential(nn.Conv2d(inputs, widths[0], 4, 2, 2), nn.LeakyReLU(0.2))]
        for index, (a, b) in enumerate(itertools.pairwise(widths)):
            stride = 1 if index == layers - 2 else 2
            normed = norm(b)
            conv: nn.Module = nn.Conv2d(a, b, 4, stride, 2, bias=isinstance(normed, nn.Identity))
            stages.append(nn.Sequential(spectral_norm(conv) if spectral else conv, normed, nn.LeakyReLU(0.2)))
        stages.append(nn.Sequential(nn.Conv2d(widths[-1], 1, 4, 1, 2)))
        self.stages = nn.ModuleList(stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        features = []
        for stage in self.stages:
            image = stage(image)
            features.append(image)
        return features


class MultiscaleDiscriminator(nn.Module):
    """Patch discriminators on a pyramid of the condition concatenated with the image.

    Args:
        spec: the kind of condition; its dense planes (edges included) are what is judged with the image.
        scales: number of scales, the first at full resolution.
        layers: layers of each scale's discriminator.
        width: channels of its first layer.
        max_width: largest number of channels.
        norm: makes the norm of the inner layers from a number of channels (`torch.nn.Identity`: none).
        spectral: whether the inner layers have spectral norm.
        conditional: false: the image is judged alone (pix2pix, section 4.1: GAN against cGAN).
        image_channels: of the judged image.
        init_gain: of the Xavier initialisation.
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        scales: int = 2,
        layers: int = 4,
        width: int = 64,
        max_width: int = 512,
        norm: Norm = nn.InstanceNorm2d,
        spectral: bool = True,
        conditional: bool = True,
        image_channels: int = 3,
        init_gain: float = 0.02,
    ) -> None:
        super().__init__()
        self.spec, self.conditional = spec, conditional
        self.scales = nn.ModuleList(
            PatchDiscriminator(
                judged_channels(spec, conditional, image_channels),
                layers=layers,
                width=width,
                max_width=max_width,
                norm=norm,
                spectral=spectral,
            )
            for _ in range(scales)
        )
        xavier_init(self, init_gain)

    def forward(self, condition: Tensor, image: Tensor) -> Features:
        """Judges images.

        Args:
            condition: (B, dense_channels, H, W).
            image: (B, 3, H, W) in [-1, 1].

        Returns:
            Per scale the features of every layer; the last of each is the prediction.
        """
        return self.judge(torch.cat([condition, image], dim=1) if self.conditional else image)

    def judge(self, pair: Tensor) -> Features:
        """As `forward`, on the concatenation of condition and image."""
        results = []
        for index, scale in enumerate(self.scales):
            pair = halve(pair) if index else pair
            results.append(scale(pair))
        return results
