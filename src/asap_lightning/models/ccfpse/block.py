"""Depthwise convolutions whose weights are predicted for every pixel, and the block made of them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.layers import Norm, WeightNorm, spectral_norm
from asap_lightning.models.spade.normalization import Spade


def conditional_convolution(x: Tensor, weights: Tensor) -> Tensor:
    """Depthwise 3x3 convolution with its own weights at every pixel (section 3.1, equation 2).

    Args:
        x: (B, C, H, W), zero-padded by one pixel here.
        weights: (B, 9 C, H, W), channel-major, the nine taps of a channel row by row.

    Returns:
        (B, C, H, W).
    """
    b, c, h, w = x.shape
    taps = weights.view(b, c, 9, h, w)
    padded = F.pad(x, (1, 1, 1, 1))
    result = padded[..., :h, :w] * taps[:, :, 0]
    for tap in range(1, 9):  # nine shifted views instead of an unfolded copy nine times as large
        row, column = divmod(tap, 3)
        result = result + padded[..., row : row + h, column : column + w] * taps[:, :, tap]
    return result


def predictor(inputs: int, outputs: int, hidden: int) -> nn.Sequential:
    """conv3x3, ReLU, conv3x3: the condition's pyramid as weights or gates."""
    return nn.Sequential(
        nn.Conv2d(inputs, hidden, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden, outputs, 3, padding=1),
    )


class ConditionalStage(nn.Module):
    """norm, conditional depthwise 3x3, conv1x1, sigmoid gate, LeakyReLU 0.2 (figure 2).

    Args:
        inputs: channels of x.
        outputs: channels of the result.
        planes: channels of condition and pyramid.
        norm: makes a norm from a number of channels.
        hidden: channels between the planes and what is predicted from them.
    """

    def __init__(self, inputs: int, outputs: int, planes: int, *, norm: Norm, hidden: int = 128) -> None:
        super().__init__()
        self.norm = norm(inputs)
        self.weights = predictor(planes, 9 * inputs, hidden)
        self.mix = nn.Conv2d(inputs, outputs, 1)
        self.gate = predictor(planes, outputs, hidden)

    def forward(self, x: Tensor, planes: Tensor) -> Tensor:
        x = self.mix(conditional_convolution(self.norm(x), self.weights(planes)))
        return F.leaky_relu(x * self.gate(planes).sigmoid(), 0.2)


class ConditionalBlock(nn.Module):
    """Two conditional stages beside a shortcut, learned with SPADE when the widths differ.

    Args:
        inputs: channels of x.
        outputs: channels of the result.
        planes: channels of condition and pyramid.
        norm: makes a norm from a number of channels.
        shortcut_norm: makes the norm without affine parameters inside the shortcut's SPADE.
        weight_norm: wraps the shortcut's convolution.
        hidden: channels between the planes and what is predicted from them.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        planes: int,
        *,
        norm: Norm,
        shortcut_norm: Norm,
        weight_norm: WeightNorm = spectral_norm,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.stage1 = ConditionalStage(inputs, middle, planes, norm=norm, hidden=hidden)
        self.stage2 = ConditionalStage(middle, outputs, planes, norm=norm, hidden=hidden)
        self.spade_shortcut: Spade | None = None
        self.conv_shortcut: nn.Module | None = None
        if inputs != outputs:
            self.spade_shortcut = Spade(inputs, planes, norm=shortcut_norm, hidden=hidden)
            self.conv_shortcut = weight_norm(nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor, planes: Tensor) -> Tensor:
        """(B, inputs, h, w) and planes (B, P, h, w) -> (B, outputs, h, w)."""
        hidden = self.stage2(self.stage1(x, planes), planes)
        if self.spade_shortcut is not None and self.conv_shortcut is not None:
            x = self.conv_shortcut(self.spade_shortcut(x, planes))
        return x + hidden
