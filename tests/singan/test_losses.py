"""The losses against values worked by hand."""

from __future__ import annotations

import pytest
import torch

from asap_lightning.singan.losses import (
    patch_weights,
    reconstruction,
    score_weights,
    slope_penalty,
    weighted_mean,
)


def test_the_penalty_takes_the_norm_over_channels_at_each_pixel():
    slope = torch.tensor([3.0, 4.0, 0.0]).view(1, 3, 1, 1).repeat(1, 1, 4, 5)  # |s| = 5 at every pixel
    slope[..., 0, 0] = 0  # but one
    found, gradient = slope_penalty(slope, 0.1)
    assert torch.isclose(found, torch.tensor(0.1 * (16 * 19 + 1) / 20))
    # d/ds (|s| - 1)^2 = 2 (|s| - 1) s / |s|
    assert torch.allclose(gradient[0, :, 1, 1] * 200, torch.tensor([24 / 5, 32 / 5, 0.0]))
    assert not gradient[..., 0, 0].any()


def test_only_patches_inside_the_region_count():
    region = torch.zeros(1, 1, 8, 9)
    region[..., 1:6, 2:8] = 1
    inside = patch_weights(region, 4)
    assert inside.shape == (1, 1, 4, 5)
    assert inside.nonzero()[:, 2:].tolist() == [[1, 2], [1, 3]]  # 5 x 5 windows from these corners fit
    small = torch.zeros(1, 1, 8, 9)
    small[..., 4, 4] = 1
    assert patch_weights(small, 4).nonzero()[:, 2:].tolist() == [[2, 2]]  # no window fits: its centre
    scores = torch.zeros(1, 1, 4, 5)
    scores[..., 1, 2:4] = 3
    assert float((score_weights(scores, inside) * scores).sum()) == 3
    assert float(score_weights(scores, None).sum()) == pytest.approx(1)


def test_reconstruction_is_measured_in_the_region():
    made, real = torch.zeros(1, 3, 2, 2), torch.tensor([[2.0, 0.0], [0.0, 0.0]]).expand(1, 3, 2, 2)
    loss, gradient = reconstruction(made, real, 10.0)
    assert loss == 10.0 and gradient[0, 0, 0].tolist() == pytest.approx([-40 / 12, 0])
    region = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    loss, gradient = reconstruction(made, real, 10.0, region)
    assert loss == 20.0 and float(gradient[0, 0, 0, 0]) == pytest.approx(-40 / 6)
    assert not gradient[..., 1, :].any()
    assert weighted_mean(real, None) == 0.5
