"""phi averaged over time: equal to its definition, reset at cuts, and less flicker."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.models import UNetGenerator
from asap_lightning.video import SmoothedTranslator, flicker_of
from asap_lightning.video.smoothing import CutDetector, PhiAverage, average_reference


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("smoothing", [0.0, 0.5, 0.8, 0.99])
def test_the_average_is_its_definition(smoothing, dtype):
    phis = list(torch.randn(8, 1, 5, 2, 3).to(dtype))
    begins = [number in (0, 3) for number in range(8)]
    average = PhiAverage(smoothing)
    made = [average(phi, begins=cut) for phi, cut in zip(phis, begins, strict=True)]
    expected = average_reference(phis, smoothing, begins)
    for got, wanted in zip(made, expected, strict=True):
        assert got.dtype == dtype
        torch.testing.assert_close(got, wanted, rtol=1e-5 if dtype == torch.float32 else 2e-3, atol=1e-5)
    assert torch.equal(made[3], phis[3])


def test_what_is_averaged_later_does_not_change_what_was_returned():
    average = PhiAverage(0.5)
    first = average(torch.ones(1, 1, 1, 1))
    average(torch.zeros(1, 1, 1, 1))
    assert first.item() == 1


def test_a_pan_and_noise_are_no_cut_but_another_scene_is():
    random = np.random.default_rng(0)
    scenes = [random.integers(0, 6, (8, 12), dtype=np.uint8).repeat(16, 0).repeat(16, 1) for _ in range(2)]
    noisy = np.where(random.random(scenes[0].shape) < 0.1, 0, scenes[0])
    detect = CutDetector()
    frames = [scenes[0], np.roll(scenes[0], 3, 1), noisy, scenes[1], scenes[1]]
    assert [detect(frame) for frame in frames] == [True, False, False, True, False]
    detect = CutDetector()
    grey = [np.full((8, 8, 3), level, np.uint8) for level in (10, 40, 200)]
    assert [detect(frame) for frame in grey] == [True, False, True]
    detect = CutDetector(0.05)
    assert [detect(frame) for frame in grey] == [True, True, True]


def test_without_memory_the_images_are_the_translators(translator, maps):
    smoothed = SmoothedTranslator(translator, 0.0)
    for label in maps:
        assert np.array_equal(smoothed(label[:13, :21]), translator(label[:13, :21]))
    assert smoothed.scenes == 1


def test_a_noisy_scene_that_stands_still_flickers_less_the_smoother(translator, maps):
    random = np.random.default_rng(0)
    noisy = [
        np.where(random.random(maps[0].shape) < 0.05, random.integers(0, 3, maps[0].shape), maps[0])
        for _ in range(6)
    ]
    figures = []
    for smoothing in (0.0, 0.5, 0.9):
        smoothed = SmoothedTranslator(translator, smoothing)
        figures.append(flicker_of([smoothed(label) for label in noisy], noisy).still)
    assert figures[0] > 1.3 * figures[1] > 1.3 * figures[2] > 0


def test_mistakes(translator):
    for wrong in (-0.1, 1.0, float("nan")):
        with pytest.raises(UserError, match="from 0 "):
            PhiAverage(wrong)
    with pytest.raises(UserError, match="cut=0"):
        CutDetector(0.0)
    other = UNetGenerator(ConditionSpec("label", num_classes=3), depth=5, width=2)
    with pytest.raises(UserError, match=r"smoothing=0\.5: .* UNetGenerator"):
        SmoothedTranslator(Translator.from_generator(other, device="cpu"), 0.5)
