"""The multi-scale discriminator of pix2pixHD."""

from __future__ import annotations

from torch import nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.models.discriminators.base import PyramidDiscriminator
from asap_lightning.models.discriminators.patchgan import PatchNetwork
from asap_lightning.models.layers import Norm, normal_init


class Pix2pixHDDiscriminator(PyramidDiscriminator):
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
        super().__init__(spec, conditional=conditional, image_channels=image_channels)
        self.scales = nn.ModuleList(
            PatchNetwork(
                self.judged_channels,
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
