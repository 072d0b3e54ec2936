"""From a plan to the photo and its label map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.demo.brush import Brush
from asap_lightning.data.demo.canvas import Canvas
from asap_lightning.data.demo.classes import BACKGROUND, FACADE
from asap_lightning.data.demo.elements import Balcony, Cornice, Deco, Door, Pillar, Plan, Shop, Window
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.layout import plan_facade
from asap_lightning.data.demo.light import develop
from asap_lightning.data.demo.materials import Noise, lay
from asap_lightning.data.demo.openings import paint_door, paint_window
from asap_lightning.data.demo.shops import paint_shop
from asap_lightning.data.demo.street import paint_neighbours, paint_pavement, paint_roof, paint_sky
from asap_lightning.data.demo.trims import paint_balcony, paint_cornice, paint_deco, paint_pillar

PAINTERS: dict[type, Callable[[Brush, Any], None]] = {
    Balcony: paint_balcony,
    Cornice: paint_cornice,
    Deco: paint_deco,
    Door: paint_door,
    Pillar: paint_pillar,
    Shop: paint_shop,
    Window: paint_window,
}


@dataclass(frozen=True)
class Facade:
    """A drawn facade.

    Attributes:
        photo: (size, size, 3) uint8 RGB.
        label: (size, size) uint8, CMP class ids 1..12.
        objects: (class id, box) in painting order, later ones lie over earlier ones; boxes are fractions of
            the image.
    """

    photo: NDArray[np.uint8]
    label: NDArray[np.uint8]
    objects: list[tuple[int, Rect]]


def draw_facade(seed: int, index: int, size: int) -> Facade:
    """Draws facade ``index`` of the series ``seed``.

    The same (seed, index) gives the same building at every size, with finer detail in larger images.

    Args:
        seed: of the series, >= 0.
        index: of the facade, >= 0.
        size: side of the square images in pixels.
    """
    plan = plan_facade(seed, index)
    canvas = Canvas(size)
    brush = Brush(canvas, plan.light, Noise(plan.key, size), plan.scheme)
    canvas.mark(Rect(0.0, 0.0, 1.0, 1.0), BACKGROUND)
    paint_sky(brush)
    paint_roof(brush, plan)
    paint_neighbours(brush, plan)
    paint_pavement(brush, plan)
    _paint_walls(brush, plan)
    for element in plan.elements:
        PAINTERS[type(element)](brush, element)
    return Facade(develop(canvas, plan.light, brush.noise), canvas.label, canvas.objects)


def _paint_walls(brush: Brush, plan: Plan) -> None:
    """Upper wall, ground floor, plinth; rain streaks and the dirt near the pavement."""
    canvas, facade, ground = brush.canvas, plan.facade, plan.ground
    lay(canvas, facade, plan.scheme.wall, brush.noise)
    lay(canvas, ground, plan.scheme.ground, brush.noise)
    plinth = Rect(facade.x0, facade.y1 - 0.14 * ground.height, facade.x1, facade.y1)
    lay(canvas, plinth, plan.scheme.plinth, brush.noise)
    canvas.shade(Rect(plinth.x0, plinth.y0, plinth.x1, plinth.y0 + 0.004), 1.1)
    where = canvas.slices(facade)
    rain = np.clip(brush.noise.streaks[where], 0.0, 2.5)
    canvas.photo[where] *= (1.0 - 0.022 * rain)[..., None]
    canvas.gradient(Rect(facade.x0, facade.y1 - 0.12, facade.x1, facade.y1), 1.0, 0.92)
    canvas.mark(facade, FACADE)
