"""Positional normalisation: every pixel by its own channels."""

from __future__ import annotations

from torch import Tensor, nn


class PositionalNorm2d(nn.Module):
    """(x - mean) / sqrt(var + eps) over every pixel's channels, var with n - 1 (Li et al., NeurIPS 2019).

    It has no parameters and looks at no other pixel.

    Args:
        channels: of x (B, C, h, w); not used, as norms here are made from a number of channels.
        eps: below the root.

    Raises:
        ValueError: fewer than two channels, which have no variance.
    """

    def __init__(self, channels: int, eps: float = 1e-12) -> None:
        super().__init__()
        if channels < 2:
            raise ValueError(f"positional norm needs at least 2 channels, got {channels}")
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        variance = centred.square().sum(1, keepdim=True) / (x.shape[1] - 1)
        return centred * (variance + self.eps).rsqrt()
