"""Painters of windows and doors: moulding, reveal, frame, glass, blind, sill."""

from __future__ import annotations

from asap_lightning.data.demo.brush import Brush, darker
from asap_lightning.data.demo.classes import BLIND, DECO, DOOR, MOLDING, SILL, WINDOW
from asap_lightning.data.demo.elements import Door, Window
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.glass import paint_glass
from asap_lightning.data.demo.light import cast_arch, edges, recess
from asap_lightning.data.demo.scheme import mix


def paint_window(brush: Brush, window: Window) -> None:
    """A window with all that belongs to it, from the wall outwards."""
    canvas, box = brush.canvas, window.box
    if window.surround:
        _surround(brush, window)
    if window.arch:
        rise = window.arch * 0.5 * box.width
        with canvas.clip(box, canvas.arch_mask(box, rise)):
            _casement(brush, window)
    else:
        _casement(brush, window)
    if window.keystone and window.surround:
        _keystone(brush, window)
    if window.hood != "none":
        _hood(brush, window)
    if window.sill:
        over = 0.07 * box.width + window.surround
        sill = Rect(box.x0 - over, box.y1, box.x1 + over, box.y1 + window.sill)
        brush.cast(sill, 0.9 * window.sill)
        brush.block(sill, brush.scheme.trim, 0.25 * window.sill)
        canvas.mark(sill, SILL)
    if window.blind == "shutters" and not window.closed:
        _shutters(brush, window)


def _surround(brush: Brush, window: Window) -> None:
    """The moulding around the opening; it follows the arch."""
    canvas, box, t = brush.canvas, window.box, window.surround
    outer = Rect(box.x0 - t, box.y0 - t, box.x1 + t, box.y1)
    colour = brush.scheme.trim
    if window.arch:
        rise = window.arch * 0.5 * outer.width
        mask = canvas.arch_mask(outer, rise)
        cast_arch(canvas, outer, rise, 0.4 * t, brush.light, 0.8)
        with canvas.clip(outer, mask):
            brush.block(outer, colour, 0.22 * t)
        canvas.mark_mask(outer, mask, MOLDING)
        return
    brush.cast(outer, 0.4 * t, 0.8)
    brush.block(outer, colour, 0.22 * t)
    edges(canvas, outer.inset(0.55 * t), 0.18 * t, brush.light, -0.7)
    canvas.mark(outer, MOLDING)


def _casement(brush: Brush, window: Window) -> None:
    """Reveal, frame, panes and bars; then the blind before them and the reveal's shadow over all."""
    canvas, box = brush.canvas, window.box
    unit = box.width
    canvas.fill(box, darker(mix(brush.scheme.trim, brush.scheme.wall.colour, 0.5), 0.66))
    frame = Rect(box.x0 + 0.035 * unit, box.y0 + 0.035 * unit, box.x1 - 0.035 * unit, box.y1)
    brush.block(frame, brush.scheme.frame, 0.014 * unit)
    inner = frame.inset(0.036 * unit)
    paint_glass(brush, inner, window.seed, sky=window.sky, curtain=window.curtain, glow=window.glow)
    _bars(brush, window, inner)
    canvas.mark(box, WINDOW)
    if window.blind == "roller" and window.closed > 0:
        _roller(brush, inner.inset(-0.03 * unit), window.closed)
    elif window.blind == "shutters" and window.closed:
        for leaf in inner.inset(-0.04 * unit).columns(2):
            _louvres(brush, leaf)
            canvas.mark(leaf, BLIND)
    recess(canvas, box, 0.11 * unit, brush.light)


def _bars(brush: Brush, window: Window, inner: Rect) -> None:
    """Mullions, transom and glazing bars, with the thin shadow that each leaves on the glass."""
    canvas, unit = brush.canvas, window.box.width
    head = inner.y0 + window.transom * inner.height
    wide, thin = 0.05 * unit, 0.02 * unit
    bars = []
    lower = Rect(inner.x0, head, inner.x1, inner.y1)
    for cell in lower.rows(window.rows)[1:]:
        bars.append(Rect(inner.x0, cell.y0 - thin / 2, inner.x1, cell.y0 + thin / 2))
    for cell in inner.columns(window.columns)[1:]:
        bars.append(Rect(cell.x0 - wide / 2, inner.y0, cell.x0 + wide / 2, inner.y1))
    if window.transom:
        bars.append(Rect(inner.x0, head - 0.6 * wide, inner.x1, head + 0.6 * wide))
    for bar in bars:
        canvas.shade(bar.shifted(0.02 * unit * brush.light.side, 0.02 * unit), 0.75)
    for bar in bars:
        canvas.fill(bar, brush.scheme.frame)
        edges(canvas, bar, 0.2 * min(bar.width, bar.height), brush.light, 0.8)


def _roller(brush: Brush, inner: Rect, closed: float) -> None:
    """A roller blind of slats, let down by the share ``closed``."""
    canvas = brush.canvas
    curtain = inner.part(0.0, 0.0, 1.0, closed)
    canvas.shade(curtain.shifted(0.0, 0.03 * inner.width), 0.6)
    canvas.fill(curtain, brush.worn(curtain, brush.scheme.blind))
    n = max(2, round(curtain.height / (0.075 * inner.width)))
    for slat in curtain.rows(n):
        canvas.shade(slat.part(0.0, 0.68, 1.0, 1.0), 0.78)
        canvas.shade(slat.part(0.0, 0.0, 1.0, 0.25), 1.07)
    canvas.mark(curtain, BLIND)


def _shutters(brush: Brush, window: Window) -> None:
    """Two open leaves against the wall, left and right of the window."""
    box = window.box
    width, gap = 0.32 * box.width, 0.02 * box.width
    for leaf in (
        Rect(box.x0 - gap - width, box.y0, box.x0 - gap, box.y1),
        Rect(box.x1 + gap, box.y0, box.x1 + gap + width, box.y1),
    ):
        brush.cast(leaf, 0.09 * box.width)
        _louvres(brush, leaf)
        brush.canvas.mark(leaf, BLIND)


def _louvres(brush: Brush, leaf: Rect) -> None:
    canvas, colour = brush.canvas, brush.scheme.blind
    rim = 0.13 * leaf.width
    brush.block(leaf, colour, 0.3 * rim)
    for field in leaf.inset(rim).rows(2):
        area = field.inset(0.0, 0.4 * rim)
        canvas.fill(area, brush.worn(area, darker(colour, 0.9)))
        n = max(3, round(area.height / (0.2 * leaf.width)))
        for slat in area.rows(n):
            canvas.shade(slat.part(0.0, 0.6, 1.0, 1.0), 0.66)


def _hood(brush: Brush, window: Window) -> None:
    """What crowns the window: a straight drip mould, a pediment, or a curved one."""
    canvas, box, t = brush.canvas, window.box, window.surround
    over = t + 0.09 * box.width
    line = 0.075 * box.width
    top = box.y0 - t - 0.3 * line
    shelf = Rect(box.x0 - over, top - line, box.x1 + over, top)
    brush.cast(shelf, 0.9 * line)
    if window.hood != "flat":
        gable = Rect(shelf.x0, shelf.y0 - 0.24 * box.width, shelf.x1, shelf.y0)
        round_top = window.hood == "segment"
        mask = canvas.arch_mask(gable, gable.height) if round_top else canvas.triangle_mask(gable)
        with canvas.clip(gable, mask):
            canvas.fill(gable, brush.worn(gable, brush.scheme.trim))
            canvas.gradient(gable, 1.06, 0.96)
        inner = Rect(gable.x0 + 2.2 * line, gable.y0 + 1.15 * line, gable.x1 - 2.2 * line, gable.y1)
        field = canvas.arch_mask(inner, inner.height) if round_top else canvas.triangle_mask(inner)
        canvas.mark_mask(gable, mask, MOLDING)
        canvas.fill_mask(inner, field, brush.worn(inner, darker(brush.scheme.trim, 0.78)))
        canvas.mark_mask(inner, field, DECO)
    brush.block(shelf, brush.scheme.trim, 0.25 * line)
    canvas.mark(shelf, MOLDING)


def _keystone(brush: Brush, window: Window) -> None:
    box, t = window.box, window.surround
    half = 0.07 * min(box.width, 0.6 * box.height)
    stone = Rect(box.cx - half, box.y0 - 1.5 * t, box.cx + half, box.y0 + 0.35 * t)
    brush.cast(stone, 0.4 * t)
    brush.block(stone, brush.scheme.trim, 0.15 * half)
    brush.canvas.mark(stone, DECO)


def paint_door(brush: Brush, door: Door) -> None:
    """An entrance with panelled leaves, a light above them, and a moulded frame."""
    canvas, box, t = brush.canvas, door.box, door.surround
    outer = Rect(box.x0 - t, box.y0 - t, box.x1 + t, box.y1)
    rise = door.arch * 0.5 * box.width
    frame_mask = canvas.arch_mask(outer, max(rise + door.arch * t, 1e-3)) if rise else canvas.coverage(outer)
    if rise:
        cast_arch(canvas, outer, rise + door.arch * t, 0.35 * t, brush.light, 0.8)
    else:
        brush.cast(outer, 0.35 * t, 0.8)
    with canvas.clip(outer, frame_mask):
        brush.block(outer, brush.scheme.trim, 0.15 * t)
    canvas.mark_mask(outer, frame_mask, MOLDING)
    mask = canvas.arch_mask(box, rise) if rise else canvas.coverage(box)
    with canvas.clip(box, mask):
        _leaves(brush, door)
        recess(canvas, box, 0.16 * box.width, brush.light)
    canvas.mark_mask(box, mask, DOOR)
    step = Rect(outer.x0, box.y1 - 0.12 * t, outer.x1, box.y1)
    canvas.fill(step, brush.worn(step, darker(brush.scheme.plinth.colour, 0.9)))


def _leaves(brush: Brush, door: Door) -> None:
    canvas, box, colour = brush.canvas, door.box, brush.scheme.door
    unit = box.width
    canvas.fill(box, darker(colour, 0.7))
    head = box.y0 + max(0.24 * box.height, 0.5 * unit * door.arch)
    light = Rect(box.x0 + 0.08 * unit, box.y0 + 0.08 * unit, box.x1 - 0.08 * unit, head - 0.05 * unit)
    paint_glass(brush, light, round(1e6 * box.x0), sky=0.5)
    for bar in light.columns(3)[1:]:
        canvas.fill(Rect(bar.x0 - 0.012 * unit, light.y0, bar.x0 + 0.012 * unit, light.y1), colour)
    for leaf in Rect(box.x0 + 0.06 * unit, head, box.x1 - 0.06 * unit, box.y1).columns(door.leaves):
        brush.block(leaf, colour, 0.02 * unit)
        for v0, v1 in ((0.06, 0.42), (0.48, 0.66), (0.72, 0.95)):
            panel = leaf.part(0.16, v0, 0.84, v1)
            brush.block(panel, darker(colour, 1.12), 0.025 * unit, -1.2)
    x = box.cx + (0.05 if door.leaves == 2 else 0.3) * unit
    knob = Rect(x - 0.02 * unit, head + 0.5 * (box.y1 - head), x + 0.02 * unit, head + 0.58 * (box.y1 - head))
    canvas.fill(knob, (0.80, 0.68, 0.40))
