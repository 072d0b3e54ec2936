"""Painters of what stands proud of the wall: cornices, pilasters, ornaments, balconies."""

from __future__ import annotations

import numpy as np

from asap_lightning.data.demo.brush import Brush, darker
from asap_lightning.data.demo.classes import BALCONY, CORNICE, DECO, PILLAR
from asap_lightning.data.demo.elements import RGB, Balcony, Cornice, Deco, Pillar
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.light import edges
from asap_lightning.data.demo.scheme import mix

# Lightness of a cornice's mouldings from the top edge down: (share of the height, factor).
PROFILE = ((0.10, 1.10), (0.16, 1.0), (0.07, 0.72), (0.20, 1.04), (0.08, 0.62), (0.27, 0.93), (0.12, 0.80))


def paint_cornice(brush: Brush, cornice: Cornice) -> None:
    """A moulded band of fillets and hollows, perhaps with dentils, and its shadow on the wall."""
    box, canvas, trim = cornice.box, brush.canvas, brush.scheme.trim
    brush.cast(box, cornice.depth)
    canvas.fill(box, brush.worn(box, trim, 0.018, 0.025))
    v = 0.0
    for share, factor in PROFILE:
        canvas.shade(box.part(0.0, v, 1.0, v + share), factor)
        v += share
    if cornice.teeth:
        _dentils(brush, box.part(0.0, 0.60, 1.0, 0.90), cornice.teeth)
    canvas.mark(box, CORNICE)


def _dentils(brush: Brush, row: Rect, pitch: float) -> None:
    canvas = brush.canvas
    canvas.shade(row, 0.66)
    n = max(4, round(row.width / pitch))
    for cell in row.columns(n):
        tooth = cell.part(0.22, 0.0, 0.78, 0.9)
        canvas.fill(tooth, brush.scheme.trim)
        edges(canvas, tooth, 0.16 * tooth.width, brush.light)


def paint_pillar(brush: Brush, pillar: Pillar) -> None:
    """A pilaster: shaft, flutes, base and capital."""
    box, canvas, light = pillar.box, brush.canvas, brush.light
    colour = mix(brush.scheme.trim, brush.scheme.wall.colour, 0.2)
    cap, foot = 1.1 * box.width, 0.9 * box.width
    shaft = Rect(box.x0, box.y0, box.x1, box.y1)
    brush.cast(shaft, pillar.depth)
    brush.block(shaft, colour, 0.10 * box.width)
    if pillar.flutes:
        _flutes(brush, Rect(box.x0, box.y0 + cap, box.x1, box.y1 - foot), pillar.flutes)
    grow = 0.14 * box.width
    ends = (
        Rect(box.x0 - grow, box.y0, box.x1 + grow, box.y0 + cap),
        Rect(box.x0 - grow, box.y1 - foot, box.x1 + grow, box.y1),
    )
    canvas.mark(shaft, PILLAR)
    for end in ends:
        brush.cast(end, 0.7 * pillar.depth, 0.8)
        for k, part in enumerate(end.rows(3)):
            slab = part.inset(grow * (0.6 if k == 1 else 0.0), 0.0)
            brush.block(slab, colour, 0.18 * slab.height)
        edges(canvas, end, 0.08 * box.width, light, 0.7)
        canvas.mark(end, PILLAR)


def _flutes(brush: Brush, shaft: Rect, count: int) -> None:
    side = brush.light.side
    for cell in shaft.part(0.14, 0.0, 0.86, 1.0).columns(count):
        groove = cell.part(0.2, 0.0, 0.8, 1.0)
        brush.canvas.shade(groove, 0.86)
        lit, dark = (groove.part(0.55, 0, 1, 1), groove.part(0, 0, 0.4, 1))
        if side < 0:
            lit, dark = groove.part(0, 0, 0.45, 1), groove.part(0.6, 0, 1, 1)
        brush.canvas.shade(dark, 0.82)
        brush.canvas.shade(lit, 1.14)


def paint_deco(brush: Brush, deco: Deco) -> None:
    """An ornament in shallow relief."""
    box, canvas = deco.box, brush.canvas
    colour = mix(brush.scheme.trim, brush.scheme.wall.colour, 0.15)
    bevel = 0.10 * box.height
    brush.cast(box, 0.12 * box.height, 0.7)
    brush.block(box, colour, bevel)
    field = box.inset(2.0 * bevel)
    canvas.fill(field, brush.worn(field, darker(colour, 0.86)))
    canvas.mark(box, DECO)
    if deco.kind == "medallion":
        _boss(brush, field.part(0.36, -0.08, 0.64, 1.08), colour)
        for cell in (field.part(0.04, 0.3, 0.3, 0.7), field.part(0.7, 0.3, 0.96, 0.7)):
            brush.block(cell, colour, 0.2 * cell.height)
    elif deco.kind == "garland":
        for k, cell in enumerate(field.columns(7)):
            drop = 0.12 + 0.3 * np.sin(np.pi * (k + 0.5) / 7) ** 2
            _boss(brush, cell.part(0.0, float(drop) - 0.1, 1.0, float(drop) + 0.55), colour)
    else:
        for cell in field.columns(3):
            brush.block(cell.part(0.1, 0.16, 0.9, 0.84), colour, 0.12 * cell.height)


def _boss(brush: Brush, box: Rect, colour: RGB) -> None:
    """A rounded knob, shaded as a half sphere."""
    canvas, light = brush.canvas, brush.light
    if not canvas.photo[canvas.slices(box)].size:
        return
    ys, xs = canvas.centres(box)
    u = (xs - box.cx) / (0.5 * box.width)
    v = (ys - box.cy) / (0.5 * box.height)
    shade = 1.0 - 0.16 * (np.sign(light.side) * u * 0.7 + v)
    patch = (shade[..., None] * np.asarray(colour, np.float32)).astype(np.float32)
    canvas.shade(box.shifted(0.12 * light.side * box.width, 0.14 * box.height), 0.85, 0.3 * box.height)
    canvas.fill_mask(box, canvas.ellipse_mask(box), patch)


def paint_balcony(brush: Brush, balcony: Balcony) -> None:
    """Railing and slab, the shadow of the railing on the window behind, that of the slab below."""
    box, canvas = balcony.box, brush.canvas
    slab = Rect(box.x0, box.y1 - 0.2 * box.height, box.x1, box.y1)
    rail = Rect(box.x0, box.y0, box.x1, slab.y0)
    brush.cast(slab, balcony.depth)
    _brackets(brush, slab)
    _RAILINGS[balcony.railing](brush, rail, 0.25 * balcony.depth)
    brush.block(slab, brush.scheme.trim, 0.2 * slab.height)
    canvas.shade(slab.part(0.0, 0.55, 1.0, 1.0), 0.78)
    canvas.mark(box, BALCONY)


def _brackets(brush: Brush, slab: Rect) -> None:
    n = max(2, round(slab.width / 0.09))
    h = 0.8 * slab.height
    for i in range(n):
        x = slab.x0 + slab.width * (0.08 + 0.84 * i / (n - 1))
        bracket = Rect(x - 0.35 * h, slab.y1, x + 0.35 * h, slab.y1 + h)
        brush.block(bracket, darker(brush.scheme.trim, 0.8), 0.15 * h)


def _iron(brush: Brush, rail: Rect, depth: float) -> None:
    """Thin upright bars between two rails, with their shadow a little beside them."""
    canvas, light = brush.canvas, brush.light
    colour = brush.scheme.iron
    n = max(6, round(rail.width / (0.11 * rail.height)))
    canvas.shade(rail.shifted(light.side * depth, light.drop * depth), light.part_shadow(0.22))
    for i in range(n + 1):
        x = rail.x0 + rail.width * i / n
        half = (0.014 if i % 6 else 0.026) * rail.height
        bar = Rect(max(rail.x0, x - half), rail.y0, min(rail.x1, x + half), rail.y1)
        canvas.fill(bar, colour)
        if i % 6 == 3:
            knot = Rect(
                x - 0.075 * rail.height,
                rail.cy - 0.1 * rail.height,
                x + 0.075 * rail.height,
                rail.cy + 0.1 * rail.height,
            )
            canvas.fill_mask(knot, canvas.ellipse_mask(knot), colour)
    for v0, v1 in ((0.0, 0.085), (0.2, 0.235), (0.9, 0.95)):
        canvas.fill(rail.part(0.0, v0, 1.0, v1), colour)
    canvas.shade(rail.part(0.0, 0.0, 1.0, 0.03), 1.5)


def _balusters(brush: Brush, rail: Rect, depth: float) -> None:
    """Turned stone balusters between a plinth and a handrail."""
    canvas, trim = brush.canvas, brush.scheme.trim
    canvas.shade(rail, brush.light.part_shadow(0.75))
    n = max(4, round(rail.width / (0.30 * rail.height)))
    for cell in rail.part(0.0, 0.16, 1.0, 0.92).columns(n):
        belly = cell.part(0.14, 0.4, 0.86, 1.0)
        neck = cell.part(0.3, 0.0, 0.7, 0.6)
        brush.block(neck, trim, 0.2 * neck.width)
        _boss(brush, belly, trim)
    brush.cast(rail.part(0.0, 0.0, 1.0, 0.16), 0.4 * depth)
    brush.block(rail.part(0.0, 0.0, 1.0, 0.17), trim, 0.03 * rail.height)
    brush.block(rail.part(0.0, 0.88, 1.0, 1.0), trim, 0.03 * rail.height)


def _parapet(brush: Brush, rail: Rect, depth: float) -> None:
    """A solid parapet with sunk panels."""
    colour = mix(brush.scheme.trim, brush.scheme.wall.colour, 0.4)
    brush.cast(rail, depth)
    brush.block(rail, colour, 0.06 * rail.height)
    n = max(2, round(rail.width / (1.3 * rail.height)))
    for cell in rail.part(0.02, 0.22, 0.98, 0.95).columns(n):
        panel = cell.part(0.06, 0.05, 0.94, 0.92)
        brush.block(panel, darker(colour, 0.93), 0.05 * rail.height, -0.8)
    brush.block(rail.part(0.0, 0.0, 1.0, 0.13), brush.scheme.trim, 0.03 * rail.height)


def _glass(brush: Brush, rail: Rect, depth: float) -> None:
    """Panes between metal posts, with a pale reflection of the sky."""
    canvas = brush.canvas
    canvas.fill(rail, mix(brush.scheme.sky, (0.35, 0.42, 0.45), 0.45), 0.55)
    canvas.gradient(rail, 1.12, 0.88)
    n = max(2, round(rail.width / (1.1 * rail.height)))
    post = 0.03 * rail.height
    for i in range(n + 1):
        x = rail.x0 + (rail.width - 2 * post) * i / n
        canvas.fill(Rect(x, rail.y0, x + 2 * post, rail.y1), brush.scheme.iron)
    canvas.fill(rail.part(0.0, 0.0, 1.0, 0.07), mix(brush.scheme.iron, (0.7, 0.7, 0.7), 0.4))


_RAILINGS = {"iron": _iron, "balusters": _balusters, "parapet": _parapet, "glass": _glass}
