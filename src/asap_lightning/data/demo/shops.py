"""Painter of shop fronts."""

from __future__ import annotations

import numpy as np

from .brush import Brush, darker
from .classes import SHOP
from .elements import RGB, Shop
from .geometry import Rect
from .glass import paint_glass
from .light import edges, recess

GOODS: tuple[RGB, ...] = (
    (0.74, 0.30, 0.24),
    (0.80, 0.66, 0.36),
    (0.36, 0.50, 0.44),
    (0.84, 0.80, 0.72),
    (0.30, 0.36, 0.52),
    (0.60, 0.44, 0.34),
)


def paint_shop(brush: Brush, shop: Shop) -> None:
    """Sign, display windows with goods, an entrance, a stall riser, perhaps an awning."""
    canvas, box = brush.canvas, shop.box
    rng = np.random.default_rng(shop.seed)
    brush.cast(box.part(0.0, 0.0, 1.0, 0.17), 0.05 * box.height)
    brush.block(box, darker(shop.sign, 0.8), 0.01 * box.height)
    front = box.part(0.02, 0.18, 0.98, 1.0)
    for i, pane in enumerate(front.columns(shop.panes)):
        _bay(brush, shop, pane, rng, is_entrance=i == shop.entrance)
    canvas.shade(front.part(0.0, 0.0, 1.0, 0.12), brush.light.part_shadow(0.8), 0.05 * front.height)
    _sign(brush, shop, box.part(0.0, 0.0, 1.0, 0.17), rng)
    if shop.awning is not None:
        _awning(brush, shop, box.part(0.03, 0.17, 0.97, 0.40), shop.awning)
    canvas.mark(box, SHOP)


def _bay(brush: Brush, shop: Shop, pane: Rect, rng: np.random.Generator, *, is_entrance: bool) -> None:
    canvas = brush.canvas
    foot = 0.94 if is_entrance else 0.80
    glass = pane.part(0.07, 0.02, 0.93, foot)
    seed = int(rng.integers(2**31))
    paint_glass(brush, glass, seed, sky=float(rng.uniform(0.1, 0.45)), room=(0.40, 0.35, 0.28))
    places, tones = rng.random((7, 3)), rng.integers(len(GOODS), size=7)
    if is_entrance:
        handle = pane.part(0.78, 0.42, 0.83, 0.62)
        canvas.fill(pane.part(0.07, 0.20, 0.93, 0.225), darker(shop.sign, 0.8))
        canvas.fill(handle, (0.78, 0.76, 0.70))
    else:
        for (u, w, h), tone in zip(places, tones, strict=True):
            width, height = 0.08 + 0.12 * w, 0.10 + 0.34 * h
            x = 0.03 + (0.94 - width) * u
            item = glass.part(float(x), float(1 - height), float(x + width), 1.0)
            canvas.fill(item, GOODS[int(tone)], 0.75)
            canvas.gradient(item, 1.1, 0.75)
        riser = pane.part(0.07, 0.84, 0.93, 0.97)
        brush.block(riser, shop.sign, 0.05 * riser.height, -1.0)
    edges(canvas, glass, 0.012 * pane.width, brush.light, -0.8)
    recess(canvas, glass, 0.06 * pane.width, brush.light)


def _sign(brush: Brush, shop: Shop, band: Rect, rng: np.random.Generator) -> None:
    """The fascia with lettering; strokes only, for at this scale no one reads it."""
    canvas = brush.canvas
    brush.block(band, shop.fascia, 0.1 * band.height)
    light_ink = sum(shop.fascia) < 1.6
    ink: RGB = (0.93, 0.88, 0.74) if light_ink else darker(shop.sign, 0.55)
    letters = int(rng.integers(5, 12))
    forms = rng.random((letters, 4))
    pitch = min(0.5 * band.height, 0.9 * band.width / letters)
    start = band.cx - 0.5 * pitch * letters
    for i, form in enumerate(forms):
        x = start + i * pitch
        cell = Rect(
            x + 0.12 * pitch, band.y0 + 0.27 * band.height, x + 0.88 * pitch, band.y1 - 0.25 * band.height
        )
        canvas.fill(cell.part(0.0, 0.0, 0.24, 1.0), ink)
        for k, v in enumerate((0.0, 0.42, 0.84)):
            if form[k] < 0.62:
                canvas.fill(cell.part(0.0, v, 1.0, v + 0.16), ink)
        if form[3] < 0.5:
            canvas.fill(cell.part(0.76, 0.0, 1.0, 1.0), ink)


def _awning(brush: Brush, shop: Shop, cloth: Rect, colour: RGB) -> None:
    """A striped awning with a scalloped valance; it darkens the shop below."""
    canvas, light = brush.canvas, brush.light
    drop = cloth.height
    shadow = Rect(cloth.x0, cloth.y1, cloth.x1, cloth.y1 + 0.9 * drop * light.drop)
    canvas.shade(shadow, light.part_shadow(0.95), light.blur + 0.1 * drop)
    n = max(6, 2 * round(cloth.width / (0.5 * drop)) + 1)
    pale: RGB = (0.90, 0.87, 0.80)
    for i, stripe in enumerate(cloth.columns(n)):
        tone = colour if i % 2 == 0 else pale
        body = stripe.part(0.0, 0.0, 1.0, 0.8)
        valance = stripe.part(0.0, 0.55, 1.0, 1.0)
        canvas.fill_mask(valance, canvas.ellipse_mask(valance), darker(tone, 0.85))
        canvas.fill(body, brush.worn(body, tone))
        canvas.gradient(body, 0.94, 1.08)
    canvas.shade(cloth.part(0.0, 0.76, 1.0, 0.8), 0.75)
