"""The network that predicts a bilateral grid of affine transforms from a small copy of the input.

Axes: B batch, C channels of the input, K inputs of a transform (channels and the offset), O outputs, D depth
and S side of the grid in cells, W width of the fused features (8 m D, m the width multiplier).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.layers import Norm, needs_bias

LARGEST_SIDE = 1024
"""Pixels of a side of the small copy that no HDRNet needs more of."""


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding: the result has ceil(side / stride) rows and columns.

    Where the padding is odd, right and bottom get the more: a kernel of 3 with stride 2 on an even side pads
    them alone, by 1. nn.Conv2d's padding of 1 on all sides is another function there.

    Args:
        inputs, outputs: channels.
        kernel: its side.
        stride: of the convolution.
        side: rows and columns of what it will be given.
        bias: whether it has one.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, *, side: int, bias: bool = True
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=bias)
        whole = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        self.border = (whole // 2, whole - whole // 2) * 2

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, self.border))


class CoefficientNetwork(nn.Module):
    """A small image -> the grid: splat, then local and global features, fused (section 3.1).

    Splat: 3x3 convolutions of stride 2, m D 2^i wide, until S x S are left. Local: two 3x3 convolutions, the
    second without bias and ReLU. Global: two of stride 2, then three linear layers of 4, 2 and 1 times W.
    relu(local + global) and a 1x1 convolution give the grid. TensorFlow's SAME padding throughout.

    Args:
        channels: C.
        inputs: K.
        outputs: O.
        size: side of the small image: S times a power of two.
        cells: S.
        depth: D.
        width_multiplier: m.
        norm: makes a norm from a number of channels, for every convolution and linear layer with a ReLU but
            the first; the authors' default is none.

    Raises:
        ValueError: sizes that no such network has.
    """

    def __init__(
        self,
        channels: int,
        *,
        inputs: int,
        outputs: int,
        size: int = 256,
        cells: int = 16,
        depth: int = 8,
        width_multiplier: int = 1,
        norm: Norm = nn.Identity,
    ) -> None:
        super().__init__()
        if cells < 1 or depth < 1 or width_multiplier < 1:
            raise ValueError(
                f"HDRNet's grid needs cells, depth and width_multiplier >= 1, got {cells}, {depth}, "
                f"{width_multiplier}"
            )
        halvings = (size // cells).bit_length() - 1
        if halvings < 1 or cells << halvings != size or size > LARGEST_SIDE:
            raise ValueError(
                f"HDRNet's small image has a side of cells = {cells} times a power of two, 2 or more, and at "
                f"most {LARGEST_SIDE}, got {size}"
            )
        self.size, self.channels, self.shape = size, channels, (inputs, outputs, depth)
        base, wide = width_multiplier * depth, 8 * width_multiplier * depth
        self.splat, width, side = nn.Sequential(), channels, size
        for index in range(halvings):
            made = base << index
            self.splat.append(_layer(width, made, 2, side, norm if index else nn.Identity))
            width, side = made, side // 2
        quarter = -(-side // 4)
        self.local = nn.Sequential(
            _layer(width, wide, 1, side, norm), SameConv2d(wide, wide, 3, 1, side=side, bias=False)
        )
        self.globally = nn.Sequential(
            _layer(width, wide, 2, side, norm), _layer(wide, wide, 2, -(-side // 2), norm)
        )
        self.linear = nn.Sequential(
            _linear(quarter * quarter * wide, 4 * wide, norm),
            _linear(4 * wide, 2 * wide, norm),
            nn.Linear(2 * wide, wide),
        )
        self.to_grid = nn.Conv2d(wide, inputs * outputs * depth, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is made of the small image (B, C, size, size): splat, global (B, W) and fused features."""
        splat = self.splat(image)
        # (row, column, channel), as the authors' program flattens
        summary = self.linear(self.globally(splat).permute(0, 2, 3, 1).flatten(1))
        return splat, summary, (self.local(splat) + summary[:, :, None, None]).relu()

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, size, size) -> the grid (B, K, O, D, S, S)."""
        return self.to_grid(self.features(image)[2]).unflatten(1, self.shape)


class _Flat(nn.Module):
    """A norm of images for vectors (B, C)."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x[:, :, None, None]).flatten(1)


def _layer(inputs: int, outputs: int, stride: int, side: int, norm: Norm) -> nn.Sequential:
    conv = SameConv2d(inputs, outputs, 3, stride, side=side, bias=needs_bias(norm))
    return nn.Sequential(conv, norm(outputs), nn.ReLU())


def _linear(inputs: int, outputs: int, norm: Norm) -> nn.Sequential:
    made = norm(outputs)
    between = nn.Identity() if isinstance(made, nn.Identity) else _Flat(made)
    return nn.Sequential(nn.Linear(inputs, outputs, bias=needs_bias(norm)), between, nn.ReLU())
