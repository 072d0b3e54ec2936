"""Random draws of the scales below: made ahead, they are those that are made one by one."""

from __future__ import annotations

import pytest
import torch

from asap_lightning.singan.levels import Level, LowerDraws, blank, draw_noise, frozen, pad, reconstruct
from asap_lightning.singan.networks import ScaleGenerator
from asap_lightning.singan.pyramid import level_sizes
from asap_lightning.singan.resize import imresize


def levels(count: int = 3, width: int = 4) -> list[Level]:
    torch.manual_seed(0)
    factor = 0.8
    sizes, found = level_sizes((41, 52), factor, count + 1), []
    for index in range(count):
        generator = frozen(ScaleGenerator(width=width))
        for norm in (block.norm for block in generator.network.blocks):
            norm.running_var.uniform_(0.01, 0.1)  # so that the generator changes the image visibly
        size, above = sizes[index : index + 2]
        fixed = pad(torch.randn(1, 3, *size), 5)
        found.append(Level(generator, 0.5**index, fixed, size, above, factor))
    return found


def test_a_level_is_the_generator_then_the_enlarged_image_cropped():
    level = levels(1)[0]
    image, noise = torch.rand(1, 3, *level.size), pad(torch.randn(1, 3, *level.size), 5)
    with torch.no_grad():
        made = level.generator(level.amplitude * noise + pad(image, 5), pad(image, 5))
        height, width = level_sizes((41, 52), 0.8, 2)[1]
        assert torch.equal(level(image, noise), imresize(made, 1 / 0.8)[..., :height, :width])
    assert torch.equal(reconstruct([level]), level(blank(level), level.fixed_noise).detach())


@pytest.mark.parametrize("padded", [False, True])
def test_draws_made_ahead_are_exactly_those_made_one_by_one(padded):
    singly = LowerDraws(levels(), 3, ahead=1, padded=padded)
    wanted = [singly() for _ in range(7)]
    for ahead in (3, 4, 7):
        draws = LowerDraws(levels(), 3, ahead=ahead, padded=padded)
        for expected in wanted:
            assert torch.equal(draws(), expected)
    assert len({float(image.sum()) for image in wanted}) == 7  # fresh every time


def test_draws_go_on_after_a_resume_where_they_were():
    draws = LowerDraws(levels(), 3, ahead=4)
    for taken in range(9):
        state = draws.state_dict()
        expected = draws()
        again = LowerDraws(levels(), 99, ahead=2)
        again.load_state_dict(state)
        assert torch.equal(again(), expected), taken


def test_noise_is_grey_at_the_coarsest_scale_and_padded_as_wished():
    source = torch.Generator().manual_seed(1)
    grey = draw_noise((6, 7), 5, coarsest=True, padded=False, generator=source)
    assert grey.shape == (1, 3, 16, 17) and torch.equal(grey[:, 0], grey[:, 2])
    assert not grey[..., :5, :].any() and not grey[..., -5:].any()
    full = draw_noise((6, 7), 5, coarsest=False, padded=True, generator=source)
    assert full.shape == (1, 3, 16, 17) and full.abs().min() > 0
    assert not torch.equal(full[:, 0], full[:, 1])
