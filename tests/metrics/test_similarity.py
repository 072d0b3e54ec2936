"""Our structural similarity against those of torchmetrics and scikit-image, in float64."""

from __future__ import annotations

import pytest
import torch
from skimage.metrics import structural_similarity as skimage_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from asap_lightning.metrics.similarity import similarity_map, structural_similarity


def pictures(height: int, width: int, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth pictures with flat parts, and disturbed ones; 8-bit values in [0, 1]."""
    random = torch.Generator().manual_seed(height + width)
    coarse = torch.rand(count, 3, 4, 4, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    smooth[..., : height // 3, :] = 0.9
    noisy = smooth + 0.1 * torch.randn(smooth.shape, generator=random) * (smooth < 0.5)
    return tuple((255 * image.clamp(0, 1)).round() / 255 for image in (smooth, noisy))


@pytest.mark.parametrize("size", [(256, 256), (64, 97), (11, 12), (6, 9)])
def test_the_mean_is_that_of_torchmetrics(size: tuple[int, int]) -> None:
    x, y = pictures(*size)
    theirs = structural_similarity_index_measure(x.double(), y.double(), data_range=1.0, reduction="none")
    ours = structural_similarity(x, y)
    assert ours.shape == (2,) and ours.dtype == torch.float32
    assert ours.tolist() == pytest.approx(theirs.tolist(), abs=1e-5)
    assert 0 < ours.min() < 0.99


def test_the_map_is_that_of_scikit_image_but_for_the_border() -> None:
    x, y = pictures(48, 60, count=1)
    arrays = (image[0].permute(1, 2, 0).double().numpy() for image in (x, y))
    mean = skimage_similarity(
        *arrays, data_range=1.0, channel_axis=-1, gaussian_weights=True, use_sample_covariance=False
    )
    assert float(similarity_map(x, y)[..., 5:-5, 5:-5].mean()) == pytest.approx(mean, abs=1e-5)


def test_equal_images_are_exactly_one_and_the_gradient_is_right() -> None:
    x, y = pictures(32, 32)
    assert structural_similarity(x, x.clone()).tolist() == [1.0, 1.0]
    first, second = (image[:1, :1, 20:27, :6].double() * 0.9 + 0.05 for image in (x, y))
    assert torch.autograd.gradcheck(lambda z: structural_similarity(first, z), (second.requires_grad_(),))
