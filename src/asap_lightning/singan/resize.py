"""Antialiased bicubic resizing with an 8-bit round trip, as SinGAN's pyramid is made.

The 8-bit step is part of the method as published: without it every scale, and with it every noise
amplitude, differs a little from the authors' models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def cubic(distance: Tensor) -> Tensor:
    """Keys' cubic convolution kernel with a = -1/2, support [-2, 2]."""
    x = distance.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, torch.zeros_like(x)))


def resize_taps(length: int, target: int, scale: float, *, wrap: bool = False) -> tuple[Tensor, Tensor]:
    """What every pixel of a resized axis is made of: weights and sources, both (target, taps).

    When shrinking, the kernel is widened by 1 / scale (antialiasing). Pixel centres are aligned. Behind its
    last pixel the signal is mirrored, the border pixel repeated; before its first pixel there is nothing and
    the weights are normalised over what remains. That asymmetry is the published program's own.

    Args:
        length: pixels of the axis.
        target: pixels that it gets.
        scale: of the pixel centres.
        wrap: the axis is a circle instead: behind its last pixel comes its first.

    Returns:
        Weights, float64, each row summing to 1; indices of the pixels that they weigh.
    """
    stretch = min(scale, 1.0)
    support = 4.0 / stretch
    centre = (torch.arange(1, target + 1, dtype=torch.float64)) / scale + 0.5 * (1 - 1 / scale)
    first = torch.floor(centre - support / 2)
    taps = torch.arange(math.ceil(support) + 2, dtype=torch.float64)
    position = first.unsqueeze(1) + taps - 1
    weights = stretch * cubic(stretch * (centre.unsqueeze(1) - position - 1))
    if not wrap:
        weights = torch.where(position < 0, 0.0, weights)
    weights = weights / weights.sum(1, keepdim=True)
    if wrap:
        return weights, position.long() % length
    mirrored = position.long() % (2 * length)
    return weights, torch.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)


def resize_matrix(length: int, target: int, scale: float) -> Tensor:
    """The linear map (target, length) that resizes one axis as `resize_taps` says, float64."""
    weights, source = resize_taps(length, target, scale)
    matrix = torch.zeros(target, length, dtype=torch.float64)
    return matrix.scatter_add_(1, source, weights)


def imresize(
    image: Tensor, scale: float | Sequence[float] | None = None, *, size: tuple[int, int] | None = None
) -> Tensor:
    """Resizes images in [-1, 1] through 8 bits.

    Args:
        image: (B, C, H, W) in [-1, 1]; what lies outside is clamped.
        scale: factor, one or (vertical, horizontal); the size is rounded up.
        size: height and width instead; the factors follow from them.

    Returns:
        (B, C, H', W') in [-1, 1], same dtype and device.
    """
    h, w = image.shape[-2:]
    if size is None:
        if scale is None:
            raise ValueError("imresize needs a scale or a size")
        vertical, horizontal = (scale, scale) if isinstance(scale, int | float) else tuple(scale)
        size = (math.ceil(h * vertical), math.ceil(w * horizontal))
    else:
        vertical, horizontal = size[0] / h, size[1] / w
    rows = resize_matrix(h, size[0], vertical).to(image.device)
    columns = resize_matrix(w, size[1], horizontal).to(image.device)
    pixels = ((image + 1) / 2).clamp(0, 1) * 255
    pixels = pixels.to(torch.uint8).to(torch.float64)
    # single precision before the step to [-1, 1], as published: the next truncation to 8 bits depends on it
    resized = (rows @ pixels @ columns.t() / 255).to(torch.float32)
    return ((resized - 0.5) * 2).clamp(-1, 1).to(image.dtype)
