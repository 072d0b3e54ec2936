"""The pyramid's arithmetic against the published program's own figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.singan.pyramid import (
    factor_of,
    level_sizes,
    make_levels,
    plan,
    plan_super_resolution,
    upscale_step,
)
from asap_lightning.singan.resize import imresize

RECORDED = Path(__file__).parents[3] / "shared" / "reference2" / "singan_pyramid.json"


def recorded(key):
    if not RECORDED.is_file():
        pytest.skip("the recordings of the published program are not here")
    return [case for case in json.loads(RECORDED.read_text())[key] if "error" not in case]


def test_scales_of_every_recorded_image():
    for case in recorded("adjust_scales2image"):
        found = plan(*case["image"], min_size=case["min_size"], max_size=case["max_size"])
        assert found.count == case["stop_scale"] + 1
        assert found.shrink == pytest.approx(case["scale1"], rel=1e-15)
        assert found.factor == pytest.approx(case["scale_factor"], rel=1e-15)
        assert [list(size) for size in found.sizes] == case["sizes"]


def test_scales_of_every_recorded_super_resolution():
    for case in recorded("adjust_scales2image_SR"):
        found = plan_super_resolution(*case["image"], case["sr_factor"])
        assert upscale_step(case["sr_factor"]) == (case["iterations"], pytest.approx(case["in_scale"]))
        assert found.factor == pytest.approx(case["scale_factor"], rel=1e-15)
        assert [list(size) for size in found.sizes] == case["sizes"]


def test_the_factor_is_found_again_from_the_sizes():
    for case in recorded("adjust_scales2image"):
        sizes = [tuple(size) for size in case["sizes"]]
        found = factor_of(sizes)
        assert level_sizes(sizes[-1], found, len(sizes)) == tuple(sizes)
        assert found == pytest.approx(case["scale_factor"], rel=0.03)
        if case["min_size"] == 25:
            assert found == pytest.approx(case["scale_factor"], rel=1e-12)


def test_levels_are_made_from_the_finest_and_have_the_planned_sizes():
    image = torch.rand(1, 3, 60, 90) * 2 - 1
    wanted = plan(60, 90, max_size=70)
    levels = make_levels(image, wanted)
    assert [tuple(level.shape[-2:]) for level in levels] == list(wanted.sizes)
    top = imresize(image, wanted.shrink)
    assert torch.equal(levels[0], imresize(top, wanted.factor ** (wanted.count - 1)))
    assert all(level.abs().max() <= 1 for level in levels)


@pytest.mark.parametrize(
    ("size", "words"),
    [((25, 60), "25 x 60 pixels; its shorter side"), ((30, 900), "9 x 250 after shrinking to max_size=250")],
)
def test_an_image_below_the_coarsest_scale_is_refused(size, words):
    with pytest.raises(UserError, match=words):
        plan(*size)


def test_what_divides_by_zero_in_the_published_program_is_refused():
    with pytest.raises(UserError, match=r"21 x 128 after .* or a larger max_size="):
        plan(40, 250, max_size=128)


def test_sizes_of_no_pyramid_and_no_enlargement():
    with pytest.raises(ValueError, match="no factor"):
        factor_of([(10, 30), (40, 41), (50, 60)])
    with pytest.raises(ValueError, match="above 1"):
        upscale_step(1.0)
