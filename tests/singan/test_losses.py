"""The losses against values worked by hand."""

from __future__ import annotations

import torch
from torch import nn

from asap_lightning.singan.losses import (
    critic_terms,
    gradient_penalty,
    patch_weights,
    reconstruction,
    weighted_mean,
)


class Slope(nn.Module):
    """D(x) = the channels' sum, each times a slope: its gradient is known everywhere."""

    def __init__(self, *slopes: float) -> None:
        super().__init__()
        self.slopes = nn.Parameter(torch.tensor(slopes).view(1, -1, 1, 1))

    def forward(self, image):
        return (image * self.slopes).sum(1, keepdim=True)


def test_the_penalty_takes_the_norm_over_channels_at_each_pixel():
    critic = Slope(3.0, 4.0, 0.0)  # |g| = 5 at every pixel
    found = gradient_penalty(critic, torch.randn(1, 3, 4, 5))
    assert torch.isclose(found, torch.tensor(16.0))
    found.backward()
    # d/ds (|s| - 1)^2 = 2 (|s| - 1) s / |s|
    assert torch.allclose(critic.slopes.grad.flatten(), torch.tensor([24 / 5, 32 / 5, 0.0]))


def test_the_critic_tells_real_from_fake():
    real, fake = torch.ones(1, 3, 4, 5), torch.zeros(1, 3, 4, 5)
    terms = critic_terms(Slope(1.0, 1.0, 1.0), real, fake, torch.rand(1, 1), penalty=0.1)
    assert terms["real"] == -3 and terms["fake"] == 0
    assert torch.isclose(terms["penalty"], torch.tensor(0.1 * (3**0.5 - 1) ** 2))


def test_only_patches_inside_the_region_count():
    region = torch.zeros(1, 1, 8, 9)
    region[..., 1:6, 2:8] = 1
    inside = patch_weights(region, 4)
    assert inside.shape == (1, 1, 4, 5)
    assert inside.nonzero()[:, 2:].tolist() == [[1, 2], [1, 3]]  # 5 x 5 windows from these corners fit
    small = torch.zeros(1, 1, 8, 9)
    small[..., 4, 4] = 1
    assert patch_weights(small, 4).nonzero()[:, 2:].tolist() == [[2, 2]]  # no window fits: its centre
    real = torch.zeros(1, 3, 4, 5)
    real[..., 1, 2:4] = 1
    terms = critic_terms(Slope(1.0, 1.0, 1.0), real, real, torch.rand(1, 1), patches=inside)
    assert terms["real"] == -3


def test_reconstruction_is_measured_in_the_region():
    made, real = torch.zeros(1, 3, 2, 2), torch.tensor([[2.0, 0.0], [0.0, 0.0]]).expand(1, 3, 2, 2)
    assert reconstruction(made, real, 10.0) == 10.0
    region = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    assert reconstruction(made, real, 10.0, region) == 20.0
    assert weighted_mean(real, None) == 0.5
