"""The distance of two images in a network's layers (Zhang et al., 2018).

Axes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

EPSILON = 1e-8


def layered_distance(
    first: Sequence[Tensor], second: Sequence[Tensor], heads: Sequence[Tensor] | None = None
) -> Tensor:
    """sum_l mean_hw sum_c w_lc (a_lchw - b_lchw)^2, a and b of unit length over channels at every position.

    Args:
        first: maps (B, C, H, W), layer by layer.
        second: likewise.
        heads: w_l (C,) of every layer; None takes 1 / number of layers, which makes 0 <= distance <= 4.

    Returns:
        (B,).
    """
    total = torch.zeros(len(first[0]), device=first[0].device)
    for index, (a, b) in enumerate(zip(first, second, strict=True)):
        difference = (_unit(a.float()) - _unit(b.float())).square()
        if heads is None:
            total = total + difference.sum(1).mean((1, 2)) / len(first)
        else:
            total = total + torch.einsum("bchw,c->bhw", difference, heads[index]).mean((1, 2))
    return total


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True) + EPSILON).sqrt()
