"""The guide: a full-resolution plane in [0, 1] that says at which depth of the grid each pixel looks.

Axes: B batch, C channels, N control points of a curve, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asap_lightning.models.layers import Norm, needs_bias
from asap_lightning.ops.dispatch import captured

STRIP = 1 << 16
"""Values of the rows that are taken through all control points at once."""


class CurveGuide(nn.Module):
    """A colour matrix, a curve for each channel, and their sum (section 3.3).

    u = x M + b;   v_c = sum_k slope[c, k] relu(u_c - shift[c, k]);   guide = clip(mix v + bias, 0, 1)

    It begins as the mean of the channels, but for one small random number that is added to the whole matrix.

    Args:
        channels: C.
        points: N.
    """

    def __init__(self, channels: int, *, points: int = 16) -> None:
        super().__init__()
        if points < 1:
            raise ValueError(f"the guide's curves need points >= 1, got {points}")
        self.matrix = nn.Parameter(torch.eye(channels) + 1e-4 * torch.randn(()))
        self.offset = nn.Parameter(torch.zeros(channels))
        shifts = torch.arange(points, dtype=torch.float32) / points
        self.shifts = nn.Parameter(shifts.repeat(channels, 1))
        first = torch.zeros(channels, points)
        first[:, 0] = 1
        self.slopes = nn.Parameter(first)
        self.mix = nn.Parameter(torch.full((channels,), 1 / channels))
        self.bias = nn.Parameter(torch.zeros(()))

    def transformed(self, image: Tensor) -> Tensor:
        """The channels after the matrix (B, C, H, W)."""
        return torch.einsum("bihw,ij->bjhw", image, self.matrix) + self.offset[:, None, None]

    def curved(self, channels: Tensor) -> Tensor:
        """And after the curves; control point by control point, to need little memory."""
        if not torch.is_grad_enabled() and not captured() and not torch.compiler.is_compiling():
            return self._curved_by_rows(channels)
        total = torch.zeros_like(channels)
        for shift, slope in zip(self.shifts.T, self.slopes.T, strict=True):
            total = total + slope[:, None, None] * (channels - shift[:, None, None]).relu()
        return total

    def _curved_by_rows(self, channels: Tensor) -> Tensor:
        """Without gradients: some rows at a time, which stay in the cache for all control points."""
        shifts, slopes = self.shifts.T[..., None, None], self.slopes.T[..., None, None]
        total = torch.zeros_like(channels)
        rows = max(1, STRIP // max(1, channels[:, :, :1].numel()))
        for some, sums in zip(channels.split(rows, dim=2), total.split(rows, dim=2), strict=True):
            above = torch.empty_like(some)
            for shift, slope in zip(shifts, slopes, strict=True):
                sums.addcmul_(torch.sub(some, shift, out=above).relu_(), slope)
        return total

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] -> (B, H, W) in [0, 1]."""
        curved = self.curved(self.transformed(image))
        return (torch.einsum("bchw,c->bhw", curved, self.mix) + self.bias).clamp(0, 1)


class PointwiseGuide(nn.Module):
    """sigmoid(conv1x1(relu(conv1x1(x)))): the authors' other guide (section 3.3).

    Args:
        channels: C.
        hidden: channels between.
        norm: makes a norm from a number of channels, after the first convolution.
    """

    def __init__(self, channels: int, *, hidden: int = 16, norm: Norm = nn.Identity) -> None:
        super().__init__()
        first, last = nn.Conv2d(channels, hidden, 1, bias=needs_bias(norm)), nn.Conv2d(hidden, 1, 1)
        self.layers = nn.Sequential(first, norm(hidden), nn.ReLU(), last)
        for layer in (first, last):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] -> (B, H, W) in [0, 1]."""
        return self.layers(image).squeeze(1).sigmoid()
