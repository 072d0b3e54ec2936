"""Soft masks against scikit-image, SciPy and the authors' program."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.singan.applications.masks import blurred, dilated, soft_mask


@pytest.mark.parametrize("radius", [0, 1, 7, 20])
@pytest.mark.parametrize("size", [(40, 55), (9, 60), (60, 5)])
def test_dilation_is_scikit_images(radius: int, size: tuple[int, int]) -> None:
    morphology = pytest.importorskip("skimage.morphology")
    mask = torch.rand(*size) > 0.995
    mask[size[0] // 2, 1] = True
    expected = morphology.dilation(mask.numpy(), morphology.disk(radius))
    assert np.array_equal(dilated(mask, radius).numpy(), expected)


def test_blur_is_scipys() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    values = torch.rand(33, 47, dtype=torch.float64)
    expected = ndimage.gaussian_filter(values.numpy(), 5.0, mode="nearest", truncate=4.0)
    assert np.allclose(blurred(values, 5.0).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(("name", "radius"), [("harmonization", 7), ("editing", 20)])
def test_masks_are_the_authors(recording, name: str, radius: int) -> None:
    found = soft_mask(recording.inputs["mask_96x120"][..., 0] >= 128, radius)
    expected = recording.outputs[f"dilated_{name}_96x120"]
    torch.testing.assert_close(found.expand(1, 3, -1, -1), expected, atol=1e-6, rtol=0)


def test_a_mask_that_covers_everything_redraws_everything() -> None:
    assert torch.equal(soft_mask(torch.ones(20, 30, dtype=torch.bool), 7), torch.ones(1, 1, 20, 30))
    one = torch.zeros(20, 30, dtype=torch.bool)
    with pytest.raises(UserError, match="marks nothing"):
        soft_mask(one, 7)
    one[10, 10] = True  # a disk of 20 around it reaches every pixel of these 20 rows, not all columns
    assert soft_mask(one, 40).eq(1).all()
