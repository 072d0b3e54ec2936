"""Affine maps of pictures, in pixels about their centre.

A map theta (B, 2, 3) says for every place of the result where it comes from: with (x, y) in pixels from the
picture's centre, which lies at ((W - 1) / 2, (H - 1) / 2), the source is theta (x, y, 1). So the last column
is a shift in pixels, and (1, 0, d; 0, 1, 0) takes what is d pixels to the right.

Axes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def source_places(theta: Tensor, height: int, width: int) -> Tensor:
    """Where every pixel comes from: (B, H, W, 2), column and row, in pixels from the first one's centre."""
    half = theta.new_tensor([(width - 1) / 2, (height - 1) / 2])
    x = torch.arange(width, device=theta.device, dtype=theta.dtype) - half[0]
    y = torch.arange(height, device=theta.device, dtype=theta.dtype) - half[1]
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    places = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1)
    return torch.einsum("bij,hwj->bhwi", theta, places) + half


def warped(
    pictures: Tensor, theta: Tensor, size: tuple[int, int] | None = None, *, mode: str = "bilinear"
) -> Tensor:
    """Pictures (B, C, H, W) mapped by theta (B, 2, 3), zero outside (section 4.1).

    Gradients flow into both; see `reference.warped` for the same, pixel by pixel.

    Args:
        pictures: of any type of float.
        theta: the maps.
        size: height and width of the result, whose places are about its own centre; None: the pictures'.
        mode: ``bilinear`` or ``nearest``.
    """
    height, width = pictures.shape[-2:]
    rows, columns = size or (height, width)
    places = source_places(theta.to(pictures.dtype), rows, columns)
    places = places + places.new_tensor([width - columns, height - rows]) / 2
    extent = places.new_tensor([width, height])
    grid = (2 * places + 1) / extent - 1
    return F.grid_sample(pictures, grid, mode, padding_mode="zeros", align_corners=False)


def composed(outer: Tensor, inner: Tensor) -> Tensor:
    """The map (B, 2, 3) that goes by ``inner`` first and by ``outer`` from there."""
    linear = outer[..., :2] @ inner[..., :2]
    return torch.cat([linear, outer[..., :2] @ inner[..., 2:] + outer[..., 2:]], dim=-1)


def inverted(theta: Tensor) -> Tensor:
    """The map back."""
    linear = torch.linalg.inv(theta[..., :2])
    return torch.cat([linear, -linear @ theta[..., 2:]], dim=-1)


def about(centre: Tensor, scale: Tensor, shift: Tensor, height: int, width: int) -> Tensor:
    """Theta (B, 2, 3) that takes the source ``scale`` times as far from a centre, and then ``shift`` further.

    Args:
        centre: (B, 2) column and row that stay where they are but for the shift.
        scale: (B,) above 1 makes smaller.
        shift: (B, 2) columns and rows.
        height, width: of the pictures.
    """
    offset = centre - centre.new_tensor([(width - 1) / 2, (height - 1) / 2])
    moved = offset - scale[:, None] * offset + shift
    zero = torch.zeros_like(scale)
    rows = [torch.stack([scale, zero, moved[:, 0]], 1), torch.stack([zero, scale, moved[:, 1]], 1)]
    return torch.stack(rows, dim=1)
