"""What SIMS's networks are made of: convolutions with layer norm, and pools that halve as TensorFlow's do.

Axes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.layers import layer_norm

Pooling = Literal["average", "max"]
WIDTHS, CONVOLUTIONS = (1, 2, 4, 8, 8), (2, 2, 3, 3, 3)
"""Of the trunk's stages: channels over those of the first, and convolutions."""


def convolutions(
    inputs: int, width: int, count: int, *, norm: Callable[[int], nn.Module] = layer_norm
) -> nn.Sequential:
    """conv3x3, norm, LeakyReLU 0.2, ``count`` times, ``width`` channels wide."""
    layers: list[nn.Module] = []
    for index in range(count):
        layers += [
            nn.Conv2d(width if index else inputs, width, 3, padding=1, bias=False),
            norm(width),
            nn.LeakyReLU(0.2),
        ]
    return nn.Sequential(*layers)


def halve(features: Tensor, pooling: Pooling, *, even: bool = False) -> Tensor:
    """A pool of 3 x 3 with stride 2, padded as TensorFlow's ``SAME``: (B, C, ceil(H / 2), ceil(W / 2)).

    A side of an even length is padded by one behind, of an odd one by one on both ends. What is padded counts
    neither in a maximum nor in a mean.

    Args:
        features: (B, C, H, W).
        pooling: a mean or a maximum.
        even: both sides are: the same result, and simpler expressions of an open size in a captured graph.
    """
    if even:
        return _halve_even(features, pooling)
    (rows, down), (columns, right) = (_padded_places(features, axis) for axis in (2, 3))
    padded = features.index_select(2, rows).index_select(3, columns)
    if pooling == "max":  # a border's pixel is in the window already in which it is repeated
        return F.max_pool2d(padded, 3, stride=2)
    there = down[:, None] * right
    return F.avg_pool2d(padded * there, 3, stride=2) / F.avg_pool2d(there[None, None], 3, stride=2)


def _halve_even(features: Tensor, pooling: Pooling) -> Tensor:
    behind = (0, 1, 0, 1)
    if pooling == "max":
        return F.max_pool2d(F.pad(features, behind, value=-torch.inf), 3, stride=2)
    there = F.pad(torch.ones_like(features[:1, :1]), behind)
    return F.avg_pool2d(F.pad(features, behind), 3, stride=2) / F.avg_pool2d(there, 3, stride=2)


def block_means(planes: Tensor, *, even: bool = False) -> Tensor:
    """Means of 2 x 2 values, of fewer at the end of an odd side: (B, C, ceil(H / 2), ceil(W / 2)).

    Applied k times, it is a resize by area where both sides are multiples of 2 ^ k.

    Args:
        planes: (B, C, H, W).
        even: see `halve`.
    """
    if even:
        return F.avg_pool2d(planes, 2)
    for axis in (2, 3):
        side = planes.shape[axis]
        places = torch.arange((side + 1) // 2 * 2, device=planes.device).clamp(max=side - 1)
        planes = planes.index_select(axis, places)
    return F.avg_pool2d(planes, 2)


def _padded_places(features: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Of a padded side: the place that each pixel is taken from, and 1 where it is there, 0 where repeated.

    Indices, since amounts of padding that depend on a side would fix it in an exported graph.
    """
    side = features.shape[axis]
    places = torch.arange((side + 1) // 2 * 2 + 1, device=features.device) - side % 2
    within = places.clamp(min=0, max=side - 1)
    return within, (places == within).to(features.dtype)


class Trunk(nn.Module):
    """Convolutions of five stages, each followed by a pool: the first averages, the others take the maximum.

    Stages of 2, 2, 3, 3, 3 convolutions, ``width`` x 1, 2, 4, 8, 8 wide.

    Args:
        inputs: channels of the input.
        width: channels of the first stage (64 in the paper).
        norm: makes a norm from a number of channels.

    Attributes:
        outputs: channels of the result, which has a 32nd of the input's sides, rounded up.
    """

    def __init__(
        self, inputs: int, *, width: int = 64, norm: Callable[[int], nn.Module] = layer_norm
    ) -> None:
        super().__init__()
        widths = [width * factor for factor in WIDTHS]
        self.stages = nn.ModuleList(
            convolutions(before, after, count, norm=norm)
            for before, after, count in zip([inputs, *widths[:-1]], widths, CONVOLUTIONS, strict=True)
        )
        self.outputs = widths[-1]

    def forward(self, planes: Tensor) -> Tensor:
        for index, stage in enumerate(self.stages):
            planes = halve(stage(planes), "max" if index else "average")
        return planes
