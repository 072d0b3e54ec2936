"""Spatially-adaptive normalisation and the residual block made of it."""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.layers import Norm, PaddingMode, WeightNorm, spectral_norm

batch_norm = partial(nn.BatchNorm2d, affine=False)
"""The default parameter-free norm; torch's own conversion makes it synchronised under DDP."""


class Spade(nn.Module):
    """norm(x) * (1 + gamma(planes)) + beta(planes) (section 3.1).

    Args:
        channels: of x.
        planes: channels of the condition.
        norm: makes a norm without affine parameters from a number of channels.
        hidden: channels between the condition and gamma, beta.
        kernel: size of the convolutions.
        padding: of the convolutions.
    """

    def __init__(
        self,
        channels: int,
        planes: int,
        *,
        norm: Norm = batch_norm,
        hidden: int = 128,
        kernel: int = 3,
        padding: PaddingMode = "zeros",
    ) -> None:
        super().__init__()
        conv = partial(nn.Conv2d, kernel_size=kernel, padding=kernel // 2, padding_mode=padding)
        self.norm = norm(channels)
        self.shared = nn.Sequential(conv(planes, hidden), nn.ReLU(inplace=True))
        self.gamma = conv(hidden, channels)
        self.beta = conv(hidden, channels)

    def forward(self, x: Tensor, planes: Tensor) -> Tensor:
        """Normalises x (B, C, h, w) by planes (B, P, h, w) already at its size."""
        hidden = self.shared(planes)
        return self.norm(x) * (1 + self.gamma(hidden)) + self.beta(hidden)


class SpadeBlock(nn.Module):
    """(SPADE, LeakyReLU 0.2, conv3x3) twice beside a shortcut, learned when the widths differ (figure 4).

    Args:
        inputs: channels of x.
        outputs: channels of the result.
        planes: channels of the condition.
        norm: makes a norm without affine parameters from a number of channels.
        hidden: channels inside each SPADE.
        kernel: of the SPADE convolutions.
        weight_norm: wraps the block's own convolutions.
        padding: of all convolutions.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        planes: int,
        *,
        norm: Norm = batch_norm,
        hidden: int = 128,
        kernel: int = 3,
        weight_norm: WeightNorm = spectral_norm,
        padding: PaddingMode = "zeros",
    ) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        spade = partial(Spade, planes=planes, norm=norm, hidden=hidden, kernel=kernel, padding=padding)
        self.spade1 = spade(inputs)
        self.conv1 = weight_norm(nn.Conv2d(inputs, middle, 3, padding=1, padding_mode=padding))
        self.spade2 = spade(middle)
        self.conv2 = weight_norm(nn.Conv2d(middle, outputs, 3, padding=1, padding_mode=padding))
        self.spade_shortcut: Spade | None = None
        self.conv_shortcut: nn.Module | None = None
        if inputs != outputs:
            self.spade_shortcut = spade(inputs)
            self.conv_shortcut = weight_norm(nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor, planes: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, outputs, h, w); planes (B, P, H, W) are resized to x by nearest pixel."""
        if planes.shape[-2:] != x.shape[-2:]:
            planes = F.interpolate(planes, size=x.shape[-2:], mode="nearest")
        hidden = self.conv1(F.leaky_relu(self.spade1(x, planes), 0.2))
        hidden = self.conv2(F.leaky_relu(self.spade2(hidden, planes), 0.2))
        if self.spade_shortcut is not None and self.conv_shortcut is not None:
            x = self.conv_shortcut(self.spade_shortcut(x, planes))
        return x + hidden
