"""Samples: against the authors' program, and what seeds, sizes, tiles and torus promise."""

from __future__ import annotations

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.sampling import draw, sample


@pytest.mark.parametrize(
    ("name", "start", "stretch"),
    [("random", 0, (1, 1)), ("random_from_1", 1, (1, 1)), ("wide", 0, (1, 1.5)), ("odd", 0, (0.8, 1.37))],
)
def test_samples_are_the_authors(recording, name: str, start: int, stretch: tuple[float, float]) -> None:
    ascent = Ascent(recording.pyramid)
    sizes = [(round(h * stretch[0]), round(w * stretch[1])) for h, w in ascent.sizes]
    found = draw(ascent, recording.noise(name), start, sizes)
    torch.testing.assert_close(
        found.clamp(-1, 1), recording.outputs[f"{name}.out"].clamp(-1, 1), atol=1e-5, rtol=0
    )
    print((found - recording.outputs[f"{name}.out"]).abs().max())


def test_the_reconstruction_is_the_authors(recording) -> None:
    found = Ascent(recording.pyramid).reconstruct()
    torch.testing.assert_close(found, recording.outputs["reconstruction.out"], atol=1e-5, rtol=0)
