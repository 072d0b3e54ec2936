"""Losses of one scale and their gradients: WGAN-GP over patches, the image's reconstruction (section 2.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

Terms = dict[str, Tensor]


def score_weights(like: Tensor, patches: Tensor | None) -> Tensor:
    """What every score (1, 1, h, w) weighs in their mean: all alike, or as ``patches`` say; they sum to 1."""
    if patches is None:
        return torch.full_like(like, 1 / like.numel())
    return (patches / patches.sum()).to(like.dtype).expand_as(like).contiguous()


def slope_penalty(slope: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """``weight`` times the mean over pixels of (|s| - 1)^2, |s| the norm over the channels; and its gradient.

    The norm is per pixel, not per image, as in the published program. Where it is zero, so is its gradient.

    Args:
        slope: s, gradient of the summed scores with respect to the image, (1, 3, h, w).
        weight: of the penalty.
    """
    norm = slope.norm(2, dim=1, keepdim=True)
    apart = norm - 1
    direction = torch.where(norm > 0, slope / norm, torch.zeros_like(slope))
    return weight * apart.square().mean(), direction * (apart * (2 * weight / norm.numel()))


def reconstruction(
    made: Tensor, real: Tensor, weight: float, region: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """``weight`` times the mean squared error, over the region (1, 1, h, w) if there is one; its gradient."""
    error = made - real
    loss = weight * weighted_mean(error.square(), region)
    if region is None:
        return loss, error * (2 * weight / error.numel())
    return loss, error * region * (2 * weight / (region.sum() * error.shape[1]))


def weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """The mean of (1, C, h, w) weighted by (1, 1, h, w)."""
    if weights is None:
        return values.mean()
    return (values * weights).sum() / (weights.sum() * values.shape[1])


def patch_weights(region: Tensor, lost: int) -> Tensor:
    """Which scores of a critic that loses ``lost`` pixels are of patches inside the region.

    Args:
        region: (1, 1, h, w), 1 inside and 0 outside.
        lost: so large a border has the map of scores less; a patch has ``lost + 1`` pixels a side.

    Returns:
        (1, 1, h - lost, w - lost); where no patch lies inside altogether, those whose centre does.
    """
    inside = 1 - F.max_pool2d(1 - region, lost + 1, stride=1)
    if inside.any():
        return inside
    half = lost // 2
    return region[..., half : region.shape[-2] - half, half : region.shape[-1] - half]
