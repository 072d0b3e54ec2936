"""Shadows fall away from the light and keep to the hull of box and shifted box."""

import numpy as np
import pytest

from asap_lightning.data.demo.canvas import Canvas
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.light import Light, cast, develop, recess
from asap_lightning.data.demo.materials import Noise


def light(side: float) -> Light:
    return Light(side=side, drop=1.0, strength=0.5, blur=0.002, warmth=0.0, exposure=1.0)


def white() -> Canvas:
    canvas = Canvas(200)
    canvas.photo[:] = 1.0
    return canvas


@pytest.mark.parametrize("side", [-0.8, 0.8])
def test_shadow_falls_down_and_away_from_the_light(side: float) -> None:
    canvas = white()
    cast(canvas, Rect(0.4, 0.4, 0.6, 0.5), 0.1, light(side))
    dark = canvas.photo[..., 0] < 0.7
    assert dark[110, 100]
    assert not dark[70, 100]
    towards, away = (142, 58) if side > 0 else (58, 142)
    # Half way down, the shadow's end has moved by about half of its run.
    assert dark[110, 128 if side > 0 else 72]
    assert not dark[110, away if side < 0 else 58]
    assert dark[:, min(towards, 199)].sum() <= dark[:, 100].sum()


def test_shadow_mirrors_with_the_light() -> None:
    left, right = white(), white()
    rect = Rect(0.4, 0.4, 0.6, 0.5)
    cast(left, rect, 0.08, light(-0.6))
    cast(right, rect, 0.08, light(0.6))
    np.testing.assert_allclose(left.photo, right.photo[:, ::-1], atol=1e-4)


def test_shadow_has_the_stated_darkness() -> None:
    canvas = white()
    cast(canvas, Rect(0.3, 0.3, 0.7, 0.5), 0.1, light(0.5))
    # Well inside the hull and far from the seam of ambient occlusion.
    np.testing.assert_allclose(canvas.photo[113, 100], [0.5, 1 - 0.48, 1 - 0.43], atol=0.05)


def test_reveal_shades_the_side_towards_the_light() -> None:
    canvas = white()
    recess(canvas, Rect(0.2, 0.2, 0.8, 0.8), 0.06, light(0.8))
    photo = canvas.photo[..., 0]
    assert photo[100, 44] < 0.75 < photo[100, 155]
    assert photo[46, 120] < 0.75 < photo[150, 120]


def test_developed_photo_is_8_bit_and_follows_the_exposure() -> None:
    canvas = white()
    canvas.photo[:] = 0.5
    dim, bright = (
        develop(canvas, Light(0.5, 1.0, 0.4, 0.002, 0.0, exposure), Noise((0, 0), 200))
        for exposure in (0.8, 1.2)
    )
    assert dim.dtype == np.uint8 and dim.shape == (200, 200, 3)
    assert bright.mean() / dim.mean() == pytest.approx(1.5, rel=0.02)
