"""The multi-scale PatchGAN of SPADE and ASAP-Net."""

from __future__ import annotations

import itertools

from torch import nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.models.discriminators.base import FeatureStages, PyramidDiscriminator
from asap_lightning.models.layers import Norm, spectral_norm, xavier_init


class SpadePatchNetwork(FeatureStages):
    """One scale: (B, C, H, W) -> the features of every layer, the last being the prediction.

    conv4x4 s2; ``layers - 1`` x (conv4x4 with spectral norm, instance norm), doubling up to ``max_width``,
    stride 2 but the last 1; conv4x4 s1 -> 1. LeakyReLU 0.2, the same padding throughout. A convolution that a
    norm follows has no bias.
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
        padding: int = 2,
    ) -> None:
        super().__init__()
        if layers < 2:
            raise ValueError(f"a patch discriminator needs at least 2 layers, got {layers}")
        widths = [min(width * 2**i, max_width) for i in range(layers)]
        stages = [nn.Sequential(nn.Conv2d(inputs, widths[0], 4, 2, padding), nn.LeakyReLU(0.2))]
        for index, (a, b) in enumerate(itertools.pairwise(widths)):
            stride = 1 if index == layers - 2 else 2
            normed = norm(b)
            conv: nn.Module = nn.Conv2d(a, b, 4, stride, padding, bias=isinstance(normed, nn.Identity))
            stages.append(nn.Sequential(spectral_norm(conv) if spectral else conv, normed, nn.LeakyReLU(0.2)))
        stages.append(nn.Sequential(nn.Conv2d(widths[-1], 1, 4, 1, padding)))
        self.stages = nn.ModuleList(stages)


class MultiscaleDiscriminator(PyramidDiscriminator):
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
        padding: of the convolutions: 2 in SPADE, 1 in CoCosNet v2.
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
        padding: int = 2,
        init_gain: float = 0.02,
    ) -> None:
        super().__init__(spec, conditional=conditional, image_channels=image_channels)
        self.scales = nn.ModuleList(
            SpadePatchNetwork(
                self.judged_channels,
                layers=layers,
                width=width,
                max_width=max_width,
                norm=norm,
                spectral=spectral,
                padding=padding,
            )
            for _ in range(scales)
        )
        xavier_init(self, init_gain)
