"""The discriminators of pix2pix, by receptive field, and the stack of convolutions that they are made of."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

from torch import Tensor, nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.models.discriminators.base import Discriminator, Features, FeatureStages
from asap_lightning.models.layers import Norm, needs_bias, normal_init


class PatchNetwork(FeatureStages):
    """(B, C, H, W) -> the features of every layer, the last being the prediction (B, 1, h, w).

    conv4x4 s2 without norm; ``layers - 1`` conv4x4 s2 and one conv4x4 s1 with norm, doubling up to
    ``max_width``; conv4x4 s1 -> 1. LeakyReLU 0.2.

    Args:
        inputs: channels of condition and image.
        layers: number of strided convolutions.
        width: channels of the first.
        max_width: largest number of channels.
        padding: of every convolution: 1 in pix2pix, 2 in pix2pixHD.
        norm: makes a norm from a number of channels.
        bias: whether convolutions before a norm have one; None: if the norm has no shift of its own.
    """

    def __init__(
        self,
        inputs: int,
        *,
        layers: int,
        width: int,
        max_width: int,
        padding: int,
        norm: Norm,
        bias: bool | None = None,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"a patch discriminator needs at least 1 layer, got {layers}")
        bias = needs_bias(norm) if bias is None else bias
        widths = [min(width * 2**level, max_width) for level in range(layers + 1)]
        first = nn.Conv2d(inputs, width, 4, 2, padding)
        stages = [nn.Sequential(OrderedDict(conv=first, activation=nn.LeakyReLU(0.2)))]
        for level, (a, b) in enumerate(pairwise(widths), start=1):
            conv = nn.Conv2d(a, b, 4, 2 if level < layers else 1, padding, bias=bias)
            stages.append(nn.Sequential(OrderedDict(conv=conv, norm=norm(b), activation=nn.LeakyReLU(0.2))))
        last = nn.Conv2d(widths[-1], 1, 4, 1, padding)
        stages.append(nn.Sequential(OrderedDict(conv=last)))
        self.stages = nn.ModuleList(stages)


class PatchGan(Discriminator):
    """pix2pix's PatchGAN: 1 layer sees 16 x 16 pixels, 3 see 70 x 70, 5 (ImageGAN) 286 x 286.

    Args:
        spec: the kind of condition.
        layers: number of strided convolutions.
        width: channels of the first layer; the widest has eight times as many.
        norm: makes a norm from a number of channels.
        bias: whether convolutions before a norm have one; None: if the norm has no shift of its own.
        conditional: false: the image is judged alone (section 4.1: GAN against cGAN).
        image_channels: of the judged image.
        init_std: of the normal initialisation.
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        layers: int = 3,
        width: int = 64,
        norm: Norm = nn.BatchNorm2d,
        bias: bool | None = None,
        conditional: bool = True,
        image_channels: int = 3,
        init_std: float = 0.02,
    ) -> None:
        super().__init__(spec, conditional=conditional, image_channels=image_channels)
        self.network = PatchNetwork(
            self.judged_channels,
            layers=layers,
            width=width,
            max_width=8 * width,
            padding=1,
            norm=norm,
            bias=bias,
        )
        normal_init(self, init_std)

    def judge(self, pair: Tensor) -> Features:
        return [self.network(pair)]


class PixelGan(Discriminator):
    """pix2pix's 1 x 1 discriminator: every pixel is judged by itself (section 3.2.2).

    Args:
        spec: the kind of condition.
        width: channels of the first layer.
        norm: makes a norm from a number of channels.
        bias: whether convolutions after the first have one; None: if the norm has no shift of its own.
        conditional: false: the image is judged alone (section 4.1: GAN against cGAN).
        image_channels: of the judged image.
        init_std: of the normal initialisation.
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        width: int = 64,
        norm: Norm = nn.BatchNorm2d,
        bias: bool | None = None,
        conditional: bool = True,
        image_channels: int = 3,
        init_std: float = 0.02,
    ) -> None:
        super().__init__(spec, conditional=conditional, image_channels=image_channels)
        bias = needs_bias(norm) if bias is None else bias
        self.conv1 = nn.Conv2d(self.judged_channels, width, 1)
        self.conv2, self.norm2 = nn.Conv2d(width, 2 * width, 1, bias=bias), norm(2 * width)
        self.conv3 = nn.Conv2d(2 * width, 1, 1, bias=bias)
        self.activation = nn.LeakyReLU(0.2)
        normal_init(self, init_std)

    def judge(self, pair: Tensor) -> Features:
        first = self.activation(self.conv1(pair))
        second = self.activation(self.norm2(self.conv2(first)))
        return [[first, second, self.conv3(second)]]
