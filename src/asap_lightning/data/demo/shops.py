"""Painter of shop fronts."""

from __future__ import annotations

import numpy as np

from asap_lightning.data.demo.brush import Brush, darker
from asap_lightning.data.demo.classes import SHOP
from asap_lightning.data.demo.elements import RGB, Shop
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.glass import paint_glass
from asap_lightning.data.demo.light import edges, recess

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
    paint_glass(brush, glass, seed, sky=float(rng.uniform(0.1, 0.45)), room=(0.27, 0.235, 0.19))
    places, tones = rng.random((7, 3)), rng.integers(len(GOODS), size=7)
    if is_entrance:
        handle = pane.part(0.78, 0.42, 0.83, 0.62)
        canvas.fill(pane.part(0.07, 0.20, 0.93, 0.225), darker(shop.sign, 0.8))
        canvas.fill(handle, (0.78, 0.76, 0.70))
    else:
        for number, ((u, w, h), tone) in enumerate(zip(places, tones, strict=True)):
            _goods(brush, glass, float(u), float(w), float(h), GOODS[int(tone)], number)
        riser = pane.part(0.07, 0.84, 0.93, 0.97)
        brush.block(riser, shop.sign, 0.05 * riser.height, -1.0)
    edges(canvas, glass, 0.012 * pane.width, brush.light, -0.8)
    recess(canvas, glass, 0.06 * pane.width, brush.light)


def _goods(brush: Brush, glass: Rect, u: float, w: float, h: float, colour: RGB, number: int) -> None:
    """One thing in the window: a lamp, a picture on the back wall, a bust or vase, a box."""
    canvas = brush.canvas
    kind = min(number, 6)
    if kind == 0:
        x = 0.25 + 0.5 * u
        canvas.fill(glass.part(x - 0.008, 0.0, x + 0.008, 0.2), (0.2, 0.18, 0.16))
        lamp = glass.part(x - 0.07, 0.17, x + 0.07, 0.25)
        canvas.fill_mask(lamp, canvas.ellipse_mask(lamp), (0.98, 0.88, 0.62))
    elif kind == 1:
        picture = glass.part(0.12 + 0.4 * u, 0.3, 0.32 + 0.45 * u + 0.1 * w, 0.3 + 0.12 + 0.12 * h)
        canvas.fill(picture, darker(colour, 0.8), 0.6)
    elif kind in (2, 3):
        x, height = 0.08 + 0.7 * u, 0.16 + 0.2 * h
        body = glass.part(x, 1.02 - height, x + 0.1 + 0.08 * w, 1.02)
        canvas.fill_mask(body, 0.85 * canvas.ellipse_mask(body), colour)
        neck = body.part(0.36, -0.1, 0.64, 0.3)
        canvas.fill_mask(neck, 0.85 * canvas.ellipse_mask(neck), darker(colour, 0.9))
    else:
        width, height = 0.10 + 0.14 * w, 0.06 + 0.22 * h
        x = 0.03 + (0.94 - width) * u
        item = glass.part(x, 1.0 - height, x + width, 1.0)
        canvas.fill(item, colour, 0.8)
        canvas.gradient(item, 1.1, 0.75)


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
