"""Losses of one scale: WGAN-GP over patches, and the reconstruction of the image (section 2.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Terms = dict[str, Tensor]


def critic_terms(
    critic: nn.Module,
    real: Tensor,
    fake: Tensor,
    alpha: Tensor,
    *,
    penalty: float = 0.1,
    patches: Tensor | None = None,
) -> Terms:
    """What the discriminator minimises: mean D(fake) - mean D(real) + penalty * gradient penalty.

    Args:
        critic: image (1, 3, h, w) -> scores of patches (1, 1, h', w'). It is called on the real image, the
            fake and the mixture one after the other, because each has its own batch statistics.
        real: the image at this scale.
        fake: detached from the generator.
        alpha: (1, 1), share of the real image in the mixture.
        penalty: weight of the gradient penalty.
        patches: (1, 1, h', w'), weights of the real image's patches; None: all count alike.
    """
    scores = critic(real)
    terms = {"real": -weighted_mean(scores, patches), "fake": critic(fake).mean()}
    terms["penalty"] = penalty * gradient_penalty(critic, alpha * real + (1 - alpha) * fake)
    return terms


def gradient_penalty(critic: nn.Module, mixed: Tensor) -> Tensor:
    """Mean over pixels of (|g| - 1)^2, g the gradient of the summed scores, its norm over the channels.

    The norm is per pixel, not per image, as in the published program.
    """
    mixed = mixed.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    return ((gradient.norm(2, dim=1) - 1) ** 2).mean()


def reconstruction(made: Tensor, real: Tensor, weight: float, region: Tensor | None = None) -> Tensor:
    """``weight`` times the mean squared error, over the region (1, 1, h, w) if there is one."""
    if region is None:
        return weight * F.mse_loss(made, real)
    return weight * weighted_mean((made - real).square(), region)


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
