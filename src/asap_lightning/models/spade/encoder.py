"""The image encoder that gives SPADE its style code."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.layers import spectral_norm


def reparameterize(mu: Tensor, logvar: Tensor) -> Tensor:
    """A draw from N(mu, exp(logvar)), differentiable in both."""
    return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)


class StyleEncoder(nn.Module):
    """Photo (B, 3, H, W) -> mu, logvar (B, Z) (appendix A).

    The photo is resized to ``image_size`` squared; conv3x3 s2 with spectral and instance norm, ``width`` x
    (1, 2, 4, 8, 8, 8) wide, LeakyReLU 0.2, then two linear heads.

    Args:
        style: Z.
        width: channels of the first layer.
        layers: number of convolutions, five or six.
        image_size: side to which the photo is resized.
    """

    def __init__(self, style: int = 256, *, width: int = 64, layers: int = 6, image_size: int = 256) -> None:
        super().__init__()
        widths = [3] + [width * min(2**level, 8) for level in range(layers)]
        self.image_size = image_size
        self.convs = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 3, 2, 1, bias=False)) for a, b in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.InstanceNorm2d(b) for b in widths[1:])
        side = image_size
        for _ in range(layers):
            side = (side + 1) // 2
        self.to_mu = nn.Linear(widths[-1] * side * side, style)
        self.to_logvar = nn.Linear(widths[-1] * side * side, style)

    def forward(self, photo: Tensor) -> tuple[Tensor, Tensor]:
        size = (self.image_size, self.image_size)
        x = photo
        if photo.shape[-2:] != size:
            x = F.interpolate(photo, size=size, mode="bilinear", align_corners=False)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.leaky_relu(norm(conv(x)), 0.2)
        x = x.flatten(1)
        return self.to_mu(x), self.to_logvar(x)
