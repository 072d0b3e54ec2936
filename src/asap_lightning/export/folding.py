"""A generator as it is at test time and nothing else: what training needs is folded away.

Spectral norms become the weights that they give; batch statistics and test-time noise, which torch's
exporters cannot express, become plain arithmetic.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from asap_lightning.models import Generator
from asap_lightning.models.layers import BatchStatisticsNorm2d, Dropout

PRIME = 2**31 - 1
_STEP, _SEED_STEP, _LAYER_STEP = 48_271, 40_692, 69_621


class StatisticsNorm(nn.Module):
    """`BatchStatisticsNorm2d` at test time: normalises by the mean and variance over batch and pixels."""

    weight: Tensor
    bias: Tensor

    def __init__(self, norm: BatchStatisticsNorm2d) -> None:
        super().__init__()
        self.eps = norm.eps
        channels = norm.num_features
        weight = norm.weight if norm.affine else torch.ones(channels)
        bias = norm.bias if norm.affine else torch.zeros(channels)
        self.register_buffer("weight", weight.detach().clone().view(-1, 1, 1))
        self.register_buffer("bias", bias.detach().clone().view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        centred = x - x.mean(dim=(0, 2, 3), keepdim=True)
        variance = (centred * centred).mean(dim=(0, 2, 3), keepdim=True)
        return centred * (variance + self.eps).rsqrt() * self.weight + self.bias


class SeededDropout(nn.Module):
    """Dropout whose mask follows from a seed and the place of the entry, the same wherever the graph runs.

    No runtime shares torch's random numbers. The hash squares modulo a prime, in whole numbers below 2^62,
    for which every runtime has the operations.

    Args:
        p: probability of dropping an entry.
        layer: number that tells the layers apart.

    Attributes:
        seed: (B,) whole numbers, set by the graph before the generator is called.
    """

    def __init__(self, p: float, layer: int) -> None:
        super().__init__()
        self.p, self.layer = p, layer
        self.seed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        if self.seed is None:
            raise ValueError("the graph sets a seed before its generator is called")
        b, c, h, w = x.shape
        place = torch.arange(c * h * w, device=x.device).view(1, c, h, w) * _STEP
        start = (self.seed.long() + 1).view(b, 1, 1, 1) * _SEED_STEP + self.layer * _LAYER_STEP
        mixed = (place + start) % PRIME
        for _ in range(4):
            mixed = (mixed * (mixed + _LAYER_STEP)) % PRIME
        keep = mixed >= round(self.p * PRIME)
        return x * keep.to(x.dtype) / (1 - self.p)


def evaluation_copy(generator: Generator) -> Generator:
    """A copy in evaluation mode, float32, on the CPU, without gradients, spectral norms folded.

    The generator itself stays as it is.
    """
    copied = copy.deepcopy(generator).to("cpu", torch.float32).eval().requires_grad_(False)
    for module in list(copied.modules()):
        if parametrize.is_parametrized(module):
            _fold(module)
    dropouts = 0
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BatchStatisticsNorm2d):
                setattr(parent, name, StatisticsNorm(child))
            elif isinstance(child, Dropout) and child.at_test and child.p > 0:
                setattr(parent, name, SeededDropout(child.p, dropouts))
                dropouts += 1
    return copied.eval().requires_grad_(False)


def _fold(module: nn.Module) -> None:
    """Puts the weights that the parametrizations give in their place.

    `parametrize.remove_parametrizations` would change the class, which a copy shares with its original.
    """
    names = list(module.parametrizations)  # type: ignore[arg-type]
    weights = {name: getattr(module, name).detach().clone() for name in names}
    module.__class__ = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    for name, weight in weights.items():
        module.register_parameter(name, nn.Parameter(weight, requires_grad=False))


def trained_layers(network: nn.Module) -> list[str]:
    """Names of layers that are in training mode or carry a parametrization; none after `evaluation_copy`."""
    return [
        name or type(module).__name__
        for name, module in network.named_modules()
        if module.training or getattr(module, "parametrizations", None)
    ]
