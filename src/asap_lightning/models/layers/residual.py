"""The residual network of Johnson et al. (2016), which pix2pix and pix2pixHD share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
WeightNorm = Callable[[nn.Module], nn.Module]
PaddingMode = Literal["reflect", "zeros", "replicate"]


def unchanged(layer: nn.Module) -> nn.Module:
    """The layer as it is: no weight normalisation."""
    return layer


def needs_bias(norm: Norm) -> bool:
    """Whether a convolution before ``norm`` needs a bias of its own: not if the norm adds an affine shift."""
    return getattr(norm(1), "bias", None) is None


def conv_norm_relu(conv: nn.Module, norm: nn.Module) -> nn.Sequential:
    """A convolution, a norm and a ReLU, reachable as ``.conv`` and ``.norm``."""
    return nn.Sequential(OrderedDict(conv=conv, norm=norm, activation=nn.ReLU(inplace=True)))


class ResidualBlock(nn.Module):
    """x + norm(conv3x3(dropout(relu(norm(conv3x3(x)))))), channels and size unchanged.

    Args:
        channels: of input and output.
        norm: makes a norm from a number of channels.
        bias: whether the convolutions have one.
        dropout: probability; 0 leaves it out.
        padding: of the convolutions.
        weight_norm: wraps each convolution, `spectral_norm` for example.
    """

    def __init__(
        self,
        channels: int,
        *,
        norm: Norm,
        bias: bool = True,
        dropout: float = 0.0,
        padding: PaddingMode = "reflect",
        weight_norm: WeightNorm = unchanged,
    ) -> None:
        super().__init__()
        self.conv1 = weight_norm(nn.Conv2d(channels, channels, 3, padding=1, bias=bias, padding_mode=padding))
        self.norm1 = norm(channels)
        self.activation = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.conv2 = weight_norm(nn.Conv2d(channels, channels, 3, padding=1, bias=bias, padding_mode=padding))
        self.norm2 = norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.dropout(self.activation(self.norm1(self.conv1(x))))
        return x + self.norm2(self.conv2(hidden))


class ResnetTrunk(nn.Module):
    """conv7x7, strided conv3x3 that double the width, residual blocks, transposed conv3x3 that halve it.

    (B, C, H, W) -> (B, width, H, W) for H, W divisible by 2 ** downs.

    Args:
        inputs: channels of the input.
        width: channels at full resolution.
        downs: how often the size is halved.
        blocks: number of residual blocks at the lowest resolution.
        norm: makes a norm from a number of channels.
        bias: whether the convolutions before a norm have one; None: if the norm has no shift of its own.
        dropout: inside the residual blocks.
        padding: of the residual blocks; the stem reflects, strided convolutions pad with zeros.
        weight_norm: wraps each convolution.
    """

    def __init__(
        self,
        inputs: int,
        *,
        width: int,
        downs: int,
        blocks: int,
        norm: Norm = nn.InstanceNorm2d,
        bias: bool | None = None,
        dropout: float = 0.0,
        padding: PaddingMode = "reflect",
        weight_norm: WeightNorm = unchanged,
    ) -> None:
        super().__init__()
        bias = needs_bias(norm) if bias is None else bias
        widths = [width * 2**level for level in range(downs + 1)]
        stem = nn.Conv2d(inputs, width, 7, padding=3, bias=bias, padding_mode="reflect")
        self.stem = conv_norm_relu(weight_norm(stem), norm(width))
        self.down = nn.ModuleList(
            conv_norm_relu(weight_norm(nn.Conv2d(a, b, 3, 2, 1, bias=bias)), norm(b))
            for a, b in pairwise(widths)
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(
                widths[-1], norm=norm, bias=bias, dropout=dropout, padding=padding, weight_norm=weight_norm
            )
            for _ in range(blocks)
        )
        self.up = nn.ModuleList(
            conv_norm_relu(weight_norm(nn.ConvTranspose2d(a, b, 3, 2, 1, 1, bias=bias)), norm(b))
            for a, b in pairwise(widths[::-1])
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stages in (self.down, self.blocks, self.up):
            for stage in stages:
                x = stage(x)
        return x


def image_head(width: int, outputs: int = 3) -> nn.Sequential:
    """Reflection-padded conv7x7 and tanh: (B, width, H, W) -> (B, outputs, H, W) in [-1, 1]."""
    conv = nn.Conv2d(width, outputs, 7, padding=3, padding_mode="reflect")
    return nn.Sequential(OrderedDict(conv=conv, activation=nn.Tanh()))
