"""A generator as it is at test time and nothing else: what training needs is folded away.

Spectral norms become the weights that they give; batch statistics and test-time noise, which torch's
exporters cannot express, become plain arithmetic.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from asap_lightning.models import CrnGenerator, Generator
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


@dataclass
class Seeds:
    """The seeds (B,) of the images that are being translated.

    No attribute of a module, which torch's exporter would take for state that a call changes.
    """

    given: Tensor | None = None


class SeededDropout(nn.Module):
    """Dropout whose mask follows from a seed and the place of the entry, the same wherever the graph runs.

    No runtime shares torch's random numbers. The hash squares modulo a prime, in whole numbers below 2^62,
    for which every runtime has the operations.

    Args:
        p: probability of dropping an entry.
        layer: number that tells the layers apart.

        seeds: what the graph fills before the generator is called.
    """

    def __init__(self, p: float, layer: int, seeds: Seeds) -> None:
        super().__init__()
        self.p, self.layer, self.seeds = p, layer, seeds

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        if self.seeds.given is None:
            raise ValueError("the graph sets a seed before its generator is called")
        b, c, h, w = x.shape
        place = torch.arange(c * h * w, device=x.device).view(1, c, h, w) * _STEP
        start = (self.seeds.given.long() + 1).view(b, 1, 1, 1) * _SEED_STEP + self.layer * _LAYER_STEP
        mixed = (place + start) % PRIME
        for _ in range(4):
            mixed = (mixed * (mixed + _LAYER_STEP)) % PRIME
        keep = mixed >= round(self.p * PRIME)
        return x * keep.to(x.dtype) / (1 - self.p)


def window_means(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """`torch.nn.functional.interpolate` in its mode ``area`` as two matrix products.

    Torch's exporter writes adaptive pooling for the window that its example had, which is wrong at other
    sizes: an export of CRN failed there.
    """
    rows, columns = (
        _window_weights(side, wanted, planes) for side, wanted in zip(planes.shape[-2:], size, strict=True)
    )
    return rows @ planes @ columns.T


def _window_weights(side: int, wanted: int, like: Tensor) -> Tensor:
    """(wanted, side): row i is the mean over places floor(i side / wanted) to ceil((i + 1) side / wanted)."""
    index = torch.arange(wanted, device=like.device)
    first, end = index * side // wanted, ((index + 1) * side + wanted - 1) // wanted
    place = torch.arange(side, device=like.device)
    inside = (place >= first[:, None]) & (place < end[:, None])
    return inside.to(like.dtype) / (end - first)[:, None]


def evaluation_copy(generator: Generator) -> Generator:
    """A copy in evaluation mode, float32, on the CPU, without gradients, spectral norms folded.

    The generator itself stays as it is.
    """
    copied = copy.deepcopy(generator).to("cpu", torch.float32).eval().requires_grad_(False)
    for module in list(copied.modules()):
        if parametrize.is_parametrized(module):
            _fold(module)
    if isinstance(copied, CrnGenerator):
        copied.shrink = window_means
    dropouts, seeds = 0, Seeds()
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BatchStatisticsNorm2d):
                setattr(parent, name, StatisticsNorm(child))
            elif isinstance(child, Dropout) and child.at_test and child.p > 0:
                setattr(parent, name, SeededDropout(child.p, dropouts, seeds))
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
