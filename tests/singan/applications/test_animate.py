"""Animation: the walk against its formula by hand; what stands still."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.singan.applications.animate import Walk, animate
from asap_lightning.singan.checkpoint import Pyramid
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.passing import Ascent
from pyramids import make_pyramid


def frames(pyramid: Pyramid, **settings: Any) -> list[torch.Tensor]:
    return list(animate(pyramid, noise=SeededNoise(1), **{"frames": 4, **settings}))


def test_the_walk_is_the_papers() -> None:
    fixed, alpha, beta = torch.randn(1, 3, 6, 7), 0.1, 0.9
    walk = Walk(fixed, alpha=alpha, beta=beta, channels=3, margin=0, stream=torch.Generator().manual_seed(5))
    drawn = torch.Generator().manual_seed(5)
    before, now = fixed, 0.95 * fixed + 0.05 * torch.randn(1, 3, 6, 7, generator=drawn)
    for _ in range(4):
        u = torch.randn(1, 3, 6, 7, generator=drawn)
        following = alpha * fixed + (1 - alpha) * (now + beta * (now - before) + (1 - beta) * u)
        before, now = now, following
        torch.testing.assert_close(walk.step(), following)


def test_the_coarsest_scale_walks_alike_in_all_channels_and_keeps_its_border() -> None:
    fixed = torch.zeros(1, 3, 9, 9)
    fixed[..., 2:-2, 2:-2] = torch.randn(1, 1, 5, 5)
    walk = Walk(fixed, alpha=0, beta=0.5, channels=1, margin=2, stream=torch.Generator())
    noise = walk.step()
    assert torch.equal(noise[:, 0], noise[:, 2]) and not noise[..., :2, :].any()


def test_alpha_one_stands_still_at_the_reconstruction(pyramid: Pyramid) -> None:
    rebuilt = Ascent(pyramid).reconstruct()
    made = frames(pyramid, alpha=1.0)
    assert len(made) == 4
    for frame in made:
        torch.testing.assert_close(frame, rebuilt, atol=1e-6, rtol=0)


def test_frames_move_smoothly_and_again_alike(pyramid: Pyramid) -> None:
    for task in ("generate", "animation"):
        made = frames(make_pyramid(task=task), beta=0.9)
        assert all(not torch.equal(a, b) for a, b in itertools.pairwise(made))
        assert all(torch.equal(a, b) for a, b in zip(made, frames(make_pyramid(task=task)), strict=True))
    free, held = ((torch.stack(frames(pyramid, start_scale=s))).std(0).mean() for s in (0, 2))
    assert held < free


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 1.5}, "alpha=1.5: a number from 0 to 1"),
        ({"beta": float("nan")}, "beta=nan"),
        ({"frames": 0}, "frames=0: a number from 1 to 10000"),
        ({"start_scale": 3}, r"start_scale=3: this pyramid has scales 0 \(coarse\) to 2"),
    ],
)
def test_mistakes_are_told_at_once(pyramid: Pyramid, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        animate(pyramid, noise=SeededNoise(0), **settings)
