"""Where pixels are, as channels that an MLP can read.

Axes: H height, W width, M frequencies.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def plain_coordinates(height: Any, width: Any, like: Tensor) -> Tensor:
    """Places x and y (2, H, W) from -sqrt 3 to sqrt 3, of variance one, the border's pixels at the ends."""
    y, x = (_steps(side, like) * (2 * math.sqrt(3)) - math.sqrt(3) for side in (height, width))
    return torch.stack([x.expand(height, width), y.unsqueeze(1).expand(height, width)])


def fourier_features(height: Any, width: Any, frequencies: Tensor) -> Tensor:
    """Random waves cos 2 pi B v and sin 2 pi B v (2 M, H, W), v = (x, y) in [0, 1].

    Tancik et al. (2020), section 4: with B (M, 2) ~ N(0, s^2) an MLP learns details of the size 1 / s.
    """
    y, x = (_steps(side, frequencies) for side in (height, width))
    across = (2 * math.pi * frequencies[:, :1] * x).unsqueeze(1)
    down = (2 * math.pi * frequencies[:, 1:] * y).unsqueeze(2)
    # of a sum, by those of its parts: no sinusoid is computed for every pixel
    cos = across.cos() * down.cos() - across.sin() * down.sin()
    return torch.cat([cos, across.sin() * down.cos() + across.cos() * down.sin()])


def _steps(side: Any, like: Tensor) -> Tensor:
    """From 0 to 1 in ``side`` steps; a single one is in the middle."""
    place = torch.arange(side, dtype=like.dtype, device=like.device)
    last = place[-1:].clamp(min=1)
    return place / last + (place[-1:] < 1) * 0.5


def waves(height: Any, width: Any, rows: int, columns: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """F-CPPN's basis: cos and -sin of 2 pi (u x / W_F + v y / H_F), each (H_F W_F, H, W), v slowest.

    x and y count pixels; u is below W_F = ``columns``, v below H_F = ``rows``.
    """

    def angles(side: Any, count: int) -> Tensor:
        place = torch.arange(side, device=like.device) % count  # whole turns left out: angles stay exact
        turns = torch.arange(count, device=like.device).unsqueeze(1) * place % count
        return turns.to(like.dtype) / count

    turns = angles(height, rows)[:, None, :, None] + angles(width, columns)[None, :, None, :]
    angle = 2 * math.pi * turns.flatten(0, 1)
    return angle.cos(), -angle.sin()
