"""Harmonization, editing, painting: against the authors' program, and what is refused."""

from __future__ import annotations

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.singan.applications.inject import (
    blended,
    fitted,
    injected,
    injection_scales,
    paste,
    redraw,
)
from asap_lightning.singan.applications.masks import EDIT_RADIUS, HARMONIZE_RADIUS, soft_mask
from asap_lightning.singan.checkpoint import Pyramid
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.picture import to_tensor
from asap_lightning.singan.resize import imresize

CASES = [
    (name, scale, mask, radius)
    for name, mask, radius in (
        ("harmonization", "mask", HARMONIZE_RADIUS),
        ("editing", "editing_mask", EDIT_RADIUS),
    )
    for scale in (1, 2)
]


def close(found: torch.Tensor, recorded: torch.Tensor) -> None:
    torch.testing.assert_close(found, recorded, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("name", "scale", "mask", "radius"), CASES)
def test_pasted_pictures_are_redrawn_as_the_authors(recording, name, scale, mask, radius) -> None:
    key, pyramid = f"{name}_{scale}", recording.pyramid
    image = to_tensor(recording.inputs["ref"].byte().numpy())
    close(injected(image, pyramid, scale), recording.outputs[f"{key}.in_s"])
    soft = soft_mask(recording.inputs[mask][..., 0] >= 128, radius)
    close(soft.expand(1, 3, -1, -1), recording.outputs[f"{key}.mask"])
    made = redraw(Ascent(pyramid), image, scale, recording.noise(key, scale))
    close(made, recording.outputs[f"{key}.out"])
    # the program blends with the image after one 8-bit round trip; its pyramid's finest level has two
    real = imresize(to_tensor(recording.inputs["image"].byte().numpy()), 1.0)
    close(blended(made, soft, real), recording.outputs[f"{key}.blended"])


def test_a_painting_is_redrawn_as_the_authors(recording) -> None:
    image = fitted(to_tensor(recording.inputs["ref_large"].byte().numpy()), recording.pyramid)
    close(image, recording.outputs["paint_1.ref_resized"])
    close(injected(image, recording.pyramid, 1), recording.outputs["paint_1.in_s"])
    made = redraw(Ascent(recording.pyramid), image, 1, recording.noise("paint_1", 1))
    close(made, recording.outputs["paint_1.out"])


def test_outside_the_mask_the_training_image_stays(pyramid: Pyramid) -> None:
    real = pyramid.scales[-1]["real"]
    marked = torch.zeros(30, 37, dtype=torch.bool)
    marked[2:4, 2:4] = True
    soft = soft_mask(marked, 1, sigma=1.0)
    made = paste(Ascent(pyramid), -real, soft, 1, SeededNoise(0))
    assert torch.equal(made.result[..., 20:, 20:], real[..., 20:, 20:])
    assert not torch.allclose(made.result[..., :6, :6], real[..., :6, :6])
    assert torch.equal(made.whole, redraw(Ascent(pyramid), -real, 1, SeededNoise(0)))


def test_scales_that_can_be_injected_at(pyramid: Pyramid) -> None:
    assert injection_scales(pyramid, "all") == [1, 2]
    assert injection_scales(pyramid, 2) == [2]
    for wrong in (0, 3, -1):
        with pytest.raises(
            UserError, match=rf"scale={wrong}: this pyramid has scales 1 \(coarse\) to 2 \(fine\)"
        ):
            injection_scales(pyramid, wrong)
    with pytest.raises(UserError, match="one scale alone"):
        injection_scales(Pyramid(pyramid.scales[:1], pyramid.factor, 1), "all")
