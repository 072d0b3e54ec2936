"""Spectral norm with the step order of the original GAN programs."""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

Layer = TypeVar("Layer", bound=nn.Module)


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value, estimated by one power iteration a forward.

    W_sn = W / (u^T W v), with v <- W^T u / |W^T u| first, then u <- W v / |W v| (Miyato et al., 2018).
    In evaluation mode the stored u and v are used as they are. torch's own parametrization updates u and v in
    the other order, so its training differs from the published programs; this one reproduces them. It is
    computed in float32 under autocast, and it can be deep-copied.

    Args:
        weight: the weight to normalise, viewed as (rows, the rest); rows are output channels.
        eps: floor of the norms.
        output_axis: the weight's axis of output channels; 1 in a transposed convolution.
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, eps: float = 1e-12, output_axis: int = 0) -> None:
        super().__init__()
        self.eps, self.output_axis = eps, output_axis
        rows, columns = self._matrix(weight).shape
        self.register_buffer("u", F.normalize(torch.randn(rows), dim=0, eps=eps))
        self.register_buffer("v", F.normalize(torch.randn(columns), dim=0, eps=eps))

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def forward(self, weight: Tensor) -> Tensor:
        matrix = self._matrix(weight)
        if self.training:
            self._power_iteration(matrix.detach())
        # clones: a later forward updates the buffers while this graph may still need them
        u, v = self.u.clone(), self.v.clone()
        return weight / torch.dot(u, torch.mv(matrix, v))

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.transpose(0, self.output_axis).flatten(1)

    @torch.no_grad()
    def _power_iteration(self, matrix: Tensor) -> None:
        self.v.copy_(F.normalize(torch.mv(matrix.t(), self.u), dim=0, eps=self.eps))
        self.u.copy_(F.normalize(torch.mv(matrix, self.v), dim=0, eps=self.eps))


def spectral_norm(layer: Layer) -> Layer:
    """Registers `SpectralNorm` on a layer's ``weight`` and returns the layer."""
    weight = layer.weight
    if not isinstance(weight, Tensor):
        raise TypeError(f"{type(layer).__name__} has no weight tensor to normalise")
    output_axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    norm = SpectralNorm(weight, output_axis=output_axis)
    # not tried out where there are no values yet: torch would import a compiler to do so on ``meta``
    parametrize.register_parametrization(layer, "weight", norm, unsafe=weight.is_meta)
    return layer
