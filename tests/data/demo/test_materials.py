"""Noise and masonry: the same at every size, with the stated deviation."""

import numpy as np
import pytest

from asap_lightning.data.demo.canvas import Canvas
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.materials import Noise, Surface, lay


def halved(image: np.ndarray) -> np.ndarray:
    h, w = image.shape[0] // 2, image.shape[1] // 2
    return image.reshape(h, 2, w, 2, -1).mean(axis=(1, 3)).squeeze()


@pytest.mark.parametrize("field", ["stains", "grain", "streaks"])
def test_noise_has_zero_mean_and_unit_deviation(field: str) -> None:
    values = getattr(Noise((0, 3), 512), field)
    assert values.shape == (512, 512)
    assert abs(values.mean()) < 0.25
    assert 0.5 < values.std() < 1.5


def test_noise_is_the_same_pattern_at_another_size() -> None:
    small, large = Noise((0, 3), 128).stains, Noise((0, 3), 256).stains
    assert np.corrcoef(small.ravel(), halved(large).ravel())[0, 1] > 0.99


def test_facades_have_different_noise() -> None:
    a, b = Noise((0, 3), 64).stains, Noise((0, 4), 64).stains
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.5


def test_bricks_lie_at_the_same_places_at_another_size() -> None:
    wall = Surface((0.7, 0.4, 0.3), course=0.06, length=3.0, joint=0.15, variation=0.1, roughness=0.0)
    photos = []
    for size in (128, 256):
        canvas = Canvas(size)
        lay(canvas, Rect(0.0, 0.0, 1.0, 1.0), wall, Noise((1, 1), size))
        photos.append(canvas.photo)
    # Joints are filtered analytically, so the mean over 2 x 2 fine pixels is the coarse pixel.
    assert np.abs(photos[0] - halved(photos[1])).mean() < 0.012


def test_joints_cover_their_share() -> None:
    size, joint = 256, 0.2
    wall = Surface(
        (0.0, 0.0, 0.0),
        course=1 / 16,
        length=4.0,
        joint=joint,
        joint_colour=(1.0, 1.0, 1.0),
        stains=0,
        roughness=0,
    )
    canvas = Canvas(size)
    lay(canvas, Rect(0.0, 0.0, 1.0, 1.0), wall, Noise((0, 0), size))
    expected = 1 - (1 - joint) * (1 - joint / 4)
    assert canvas.photo.mean() == pytest.approx(expected, abs=1e-3)


def test_joints_thinner_than_a_pixel_keep_their_mean() -> None:
    wall = Surface(
        (0.0, 0.0, 0.0),
        course=1 / 100,
        length=4.0,
        joint=0.1,
        joint_colour=(1.0, 1.0, 1.0),
        stains=0,
        roughness=0,
    )
    canvas = Canvas(32)
    lay(canvas, Rect(0.0, 0.0, 1.0, 1.0), wall, Noise((0, 0), 32))
    # Filtering rows and columns apart is exact for the flat joints, close for the upright ones.
    assert canvas.photo.mean() == pytest.approx(1 - 0.9 * (1 - 0.1 / 4), abs=5e-3)
