"""The multi-scale discriminator of pix2pixHD."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.models.discriminators.multiscale import halve, judged_channels
from asap_lightning.models.discriminators.patchgan import ConvolutionStack, Features
from asap_lightning.models.layers import Norm, normal_init


class Pix2pixHDDiscriminator(nn.Module):
    """Patch discriminators on an average-pooled pyramid, instance norm, no spectral norm (section 3.2).

    Args:
        spec: the kind of condition; its dense planes (edges included) are judged with the image.
        scales: number of scales, the first at full resolution: 2, or 3 for large images.
        layers: strided convolutions of each.
        width: channels of the first layer.
        max_width: largest number of channels.
        norm: makes a norm from a number of channels.
        conditional: false: the image is judged alone.
        image_channels: of the judged image.
        init_std: of the normal initialisation.
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        scales: int = 2,
        layers: int = 3,
        width: int = 64,
        max_width: int = 512,
        norm: Norm = nn.InstanceNorm2d,
        conditional: bool = True,
        image_channels: int = 3,
        init_std: float = 0.02,
    ) -> None:
        super().__init__()
        self.spec, self.conditional = spec, conditional
        self.scales = nn.ModuleList(
            ConvolutionStack(
                judged_channels(spec, conditional, image_channels),
                layers=layers,
                width=width,
                max_width=max_width,
                padding=2,
                norm=norm,
                bias=True,
            )
            for _ in range(scales)
        )
        normal_init(self, init_std)

    def forward(self, condition: Tensor, image: Tensor) -> Features:
        """Judges images (B, 3, H, W) with their dense condition: per scale features, then prediction."""
        return self.judge(torch.cat([condition, image], dim=1) if self.conditional else image)

    def judge(self, pair: Tensor) -> Features:
        """As `forward`, on the concatenation of condition and image."""
        results = []
        for index, scale in enumerate(self.scales):
            pair = halve(pair) if index else pair
            results.append(scale(pair))
        return results
