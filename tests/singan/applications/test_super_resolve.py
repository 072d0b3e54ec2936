"""Super-resolution: against the authors' program; steps, sizes, warnings."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.singan.applications.super_resolve import steps_of, super_resolve, warning_of
from asap_lightning.singan.checkpoint import Pyramid
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.passing import Ascent


def test_four_times_is_the_authors(recording) -> None:
    """Truncated grey levels may flip, of how many pixels depends on how a processor sums: 0.1 to 2 %."""
    found = super_resolve(recording.pyramid, 4, recording.noise("sr"))
    expected = recording.outputs["sr.cropped"]
    assert found.shape == expected.shape == (1, 3, 136, 168)
    difference = (found - expected).abs()
    assert (difference < 1e-3).double().mean() > 0.97 and difference.max() < 2e-2


@pytest.mark.parametrize(
    ("factor", "steps", "size"),
    [(2, 3, (60, 74)), (3.3, 5, (99, 122)), (1.1, 1, (33, 40)), (4, 6, (120, 148))],
)
def test_any_factor(pyramid: Pyramid, factor: float, steps: int, size: tuple[int, int]) -> None:
    count, step = steps_of(factor)
    assert count == steps and step**count == pytest.approx(factor)
    found = super_resolve(pyramid, factor, SeededNoise(0))
    assert found.shape == (1, 3, *size) and found.isfinite().all()
    assert torch.equal(found, super_resolve(pyramid, factor, SeededNoise(0)))


def test_in_tiles_it_is_the_same(pyramid: Pyramid) -> None:
    whole, tiled = (
        super_resolve(pyramid, 2, SeededNoise(1), ascent=Ascent(pyramid, tile=t)) for t in (None, 20)
    )
    assert ((whole - tiled).abs() < 1e-3).double().mean() > 0.95


def test_it_warns_unless_the_pyramid_was_trained_for_it(pyramid: Pyramid) -> None:
    assert "not trained for super-resolution" in str(warning_of(pyramid, 4))
    assert "scales of this pyramid are 1.250 apart" not in str(warning_of(pyramid, 4))
    trained = replace(pyramid, task="super_resolution")
    assert warning_of(trained, 4) is None and warning_of(trained, 2) is None
    assert "are 1.250 apart, and factor=1.1 enlarges by 1.100" in str(warning_of(trained, 1.1))


@pytest.mark.parametrize("factor", [1.0, 0.5, float("nan"), 17.0, -2.0])
def test_other_factors_are_refused(pyramid: Pyramid, factor: float) -> None:
    with pytest.raises(UserError, match="above 1 and up to 16"):
        super_resolve(pyramid, factor, SeededNoise(0))
