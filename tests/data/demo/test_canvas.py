"""Analytic coverage, and label edges that agree with it."""

import numpy as np
import pytest

from asap_lightning.data.demo.canvas import Canvas
from asap_lightning.data.demo.classes import BACKGROUND, DOOR, WINDOW
from asap_lightning.data.demo.geometry import Rect


def test_coverage_is_the_area_inside_each_pixel() -> None:
    canvas = Canvas(4)
    rect = Rect(0.125, 0.25, 0.5, 0.8125)
    expected = np.outer([1.0, 1.0, 0.25], [0.5, 1.0])
    np.testing.assert_allclose(canvas.coverage(rect), expected, atol=1e-6)
    assert canvas.slices(rect) == (slice(1, 4), slice(0, 2))


def test_coverage_of_a_line_thinner_than_a_pixel() -> None:
    canvas = Canvas(8)
    covered = canvas.coverage(Rect(0.0, 0.40, 1.0, 0.41))
    assert covered.sum() == pytest.approx(0.01 * 8 * 8, rel=1e-4)


@pytest.mark.parametrize(
    "rect", [Rect(-0.5, -0.5, -0.1, 2.0), Rect(0.2, 1.2, 0.5, 1.4), Rect(0.2, -0.4, 0.5, -0.1)]
)
def test_outside_the_image_nothing_happens(rect: Rect) -> None:
    canvas = Canvas(16)
    canvas.photo[:] = 0.5
    canvas.fill(rect, (1.0, 0.0, 0.0))
    canvas.shade(rect, 0.5, 0.02)
    canvas.gradient(rect, 0.2, 0.3)
    canvas.mark(rect, WINDOW)
    assert np.all(canvas.photo == 0.5)
    assert np.all(canvas.label == BACKGROUND)


def test_label_takes_pixels_whose_centre_is_inside() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        x0, y0 = rng.uniform(0, 0.6, 2)
        rect = Rect(x0, y0, x0 + rng.uniform(0.1, 0.4), y0 + rng.uniform(0.1, 0.4))
        canvas = Canvas(32)
        canvas.mark(rect, DOOR)
        c = (np.arange(32) + 0.5) / 32
        inside = ((c >= rect.y0) & (c < rect.y1))[:, None] & ((c >= rect.x0) & (c < rect.x1))[None, :]
        np.testing.assert_array_equal(canvas.label == DOOR, inside)


def test_photo_and_label_have_the_same_edges() -> None:
    canvas = Canvas(64)
    rect = Rect(0.203, 0.317, 0.741, 0.866)
    canvas.fill(rect, (1.0, 1.0, 1.0))
    canvas.mark(rect, WINDOW)
    bright = canvas.photo[..., 0] >= 0.5
    # They may differ at the corners only, where a centre inside can be covered by less than half.
    assert (bright != (canvas.label == WINDOW)).sum() <= 4


@pytest.mark.parametrize("rise", [0.03, 0.1, 0.2])
def test_arch_and_its_label_agree(rise: float) -> None:
    canvas = Canvas(128)
    rect = Rect(0.21, 0.17, 0.61, 0.83)
    mask = canvas.arch_mask(rect, rise)
    canvas.fill_mask(rect, mask, (1.0, 1.0, 1.0))
    canvas.mark_mask(rect, mask, WINDOW)
    np.testing.assert_array_equal(canvas.photo[..., 0] >= 0.5, canvas.label == WINDOW)
    radius = (0.2**2 + rise**2) / (2 * rise)
    half_angle = np.arcsin(0.2 / radius)
    segment = radius**2 * (half_angle - np.sin(2 * half_angle) / 2)
    area = 0.4 * (0.66 - rise) + segment
    assert mask.sum() / 128**2 == pytest.approx(area, rel=5e-3)


def test_ellipse_and_triangle_areas() -> None:
    canvas = Canvas(256)
    rect = Rect(0.1, 0.2, 0.7, 0.5)
    assert canvas.ellipse_mask(rect).sum() / 256**2 == pytest.approx(np.pi * 0.3 * 0.15, rel=5e-3)
    assert canvas.triangle_mask(rect).sum() / 256**2 == pytest.approx(0.5 * 0.6 * 0.3, rel=1e-2)


def test_clip_keeps_what_lies_outside() -> None:
    canvas = Canvas(32)
    canvas.photo[:] = 0.25
    rect = Rect(0.25, 0.25, 0.75, 0.75)
    mask = np.zeros((16, 16), np.float32)
    mask[:8] = 1
    with canvas.clip(rect, mask):
        canvas.fill(rect, (1.0, 1.0, 1.0))
        canvas.mark(rect, WINDOW)
    assert np.all(canvas.photo[8:16, 8:24] == 1)
    assert np.all(canvas.photo[16:24, 8:24] == 0.25)
    assert (canvas.label == WINDOW).sum() == 8 * 16
