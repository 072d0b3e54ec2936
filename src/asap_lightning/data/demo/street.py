"""What surrounds the building: sky, roof, chimneys, neighbours, pavement; all of it background."""

from __future__ import annotations

import numpy as np

from asap_lightning.data.demo.brush import Brush, darker
from asap_lightning.data.demo.elements import Plan
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.glass import paint_glass
from asap_lightning.data.demo.light import recess
from asap_lightning.data.demo.materials import Surface, lay
from asap_lightning.data.demo.scheme import mix


def paint_sky(brush: Brush) -> None:
    """A gradient, paler towards the roofs, with soft clouds."""
    canvas = brush.canvas
    sky = Rect(0.0, 0.0, 1.0, 0.3)
    where = canvas.slices(sky)
    ys, _ = canvas.centres(sky)
    clouds = np.clip(0.35 * brush.noise.stains[where] + 0.1, 0, 0.8)[..., None]
    zenith = np.asarray(brush.scheme.sky, np.float32)
    haze = np.array([0.90, 0.92, 0.93], np.float32)
    blue = zenith + (haze - zenith) * np.clip(0.15 + ys * 4.5, 0, 0.8)[..., None]
    canvas.photo[where] = blue + (haze - blue) * clouds


def paint_roof(brush: Brush, plan: Plan) -> None:
    """Tiles above the cornice and the chimneys behind them."""
    canvas, scheme = brush.canvas, brush.scheme
    for chimney in plan.chimneys:
        lay(canvas, chimney, scheme.neighbours[0], brush.noise)
        brush.canvas.gradient(chimney, 0.9, 0.7)
        cap = Rect(chimney.x0 - 0.003, chimney.y0, chimney.x1 + 0.003, chimney.y0 + 0.006)
        brush.block(cap, darker(scheme.trim, 0.75), 0.001)
    if plan.roof is not None:
        lay(canvas, plan.roof, scheme.roof, brush.noise)
        canvas.gradient(plan.roof, 1.08, 0.85)
        ridge = Rect(plan.roof.x0, plan.roof.y0, plan.roof.x1, plan.roof.y0 + 0.004)
        canvas.shade(ridge, 0.75)


def paint_neighbours(brush: Brush, plan: Plan) -> None:
    """The edges of the houses on either side, with the outermost of their windows."""
    canvas, facade = brush.canvas, plan.facade
    sides = (Rect(0.0, 0.0, facade.x0, 0.0), Rect(facade.x1, 0.0, 1.0, 0.0))
    for number, (strip, surface) in enumerate(zip(sides, brush.scheme.neighbours, strict=True)):
        if strip.width <= 0:
            continue
        rng = np.random.default_rng([*plan.key, 5, number])
        house = Rect(strip.x0, facade.y0 + float(rng.uniform(-0.06, 0.08)), strip.x1, facade.y1)
        lay(canvas, house, surface, brush.noise)
        canvas.shade(house, 0.93)
        storeys = int(rng.integers(3, 6))
        inner = 0.45 if strip.width > 0.03 else 0.25
        for row in house.part(0.0, 0.08, 1.0, 1.0).rows(storeys):
            u0, u1 = (0.0, inner) if number == 0 else (1.0 - inner, 1.0)
            pane = row.part(u0, 0.2, u1, 0.72)
            _neighbours_window(brush, pane, surface, int(rng.integers(2**31)))
        eaves = Rect(house.x0, house.y0, house.x1, house.y0 + 0.018)
        brush.cast(eaves, 0.012)
        brush.block(eaves, mix(surface.colour, (0.9, 0.88, 0.84), 0.4), 0.003)
        joint = facade.x0 if number == 0 else facade.x1
        canvas.shade(Rect(joint - 0.003, house.y0, joint + 0.003, house.y1), 0.6, 0.004)


def _neighbours_window(brush: Brush, pane: Rect, surface: Surface, seed: int) -> None:
    """A plain window: moulding, pale frame with bars, glass, sill."""
    canvas, pale = brush.canvas, (0.90, 0.88, 0.84)
    trim = mix(surface.colour, pale, 0.5)
    outer = pane.inset(-0.010)
    brush.cast(outer, 0.005)
    brush.block(outer, trim, 0.002)
    canvas.fill(pane, darker(pale, 0.92))
    paint_glass(brush, pane.inset(0.004), seed, sky=0.7, curtain=0.6)
    for v in (0.3, 0.65):
        bar = pane.part(0.0, v, 1.0, v + 0.03)
        canvas.fill(bar, pale)
    recess(canvas, pane, 0.004, brush.light)
    sill = Rect(outer.x0 - 0.003, outer.y1 - 0.004, outer.x1 + 0.003, outer.y1 + 0.004)
    brush.cast(sill, 0.006)
    brush.block(sill, trim, 0.002)


def paint_pavement(brush: Brush, plan: Plan) -> None:
    """Slabs, the kerb, and a strip of road."""
    canvas, y = brush.canvas, plan.facade.y1
    rest = 1.0 - y
    slabs = Surface(
        (0.74, 0.73, 0.70),
        0.5 * rest,
        2.4,
        0.035,
        (0.56, 0.55, 0.53),
        variation=0.03,
        roughness=0.035,
        stains=0.05,
    )
    lay(canvas, Rect(0.0, y, 1.0, y + 0.66 * rest), slabs, brush.noise)
    kerb = Rect(0.0, y + 0.66 * rest, 1.0, y + 0.78 * rest)
    brush.block(kerb, (0.80, 0.79, 0.76), 0.04 * rest)
    road = Rect(0.0, y + 0.78 * rest, 1.0, 1.0)
    lay(canvas, road, Surface((0.52, 0.52, 0.53), roughness=0.05, stains=0.04), brush.noise)
    canvas.shade(Rect(0.0, y - 0.002, 1.0, y + 0.10 * rest), 0.75, 0.2 * rest)
