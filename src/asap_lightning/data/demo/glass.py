"""Panes: a dark room, curtains, and the sky and the houses opposite mirrored in the glass."""

from __future__ import annotations

import numpy as np

from asap_lightning.data.demo.brush import Brush
from asap_lightning.data.demo.canvas import Array
from asap_lightning.data.demo.elements import RGB
from asap_lightning.data.demo.geometry import Rect

ROOM = np.array([0.11, 0.125, 0.15], np.float32)
LAMP = np.array([0.82, 0.66, 0.44], np.float32)
CURTAIN = np.array([0.72, 0.69, 0.63], np.float32)


def paint_glass(
    brush: Brush,
    rect: Rect,
    seed: int,
    *,
    sky: float,
    curtain: float = 0.0,
    glow: float = 0.0,
    room: RGB | None = None,
) -> None:
    """Fills a rectangle with glass.

    Args:
        brush: the painter's tools.
        rect: where.
        seed: of what is behind and mirrored.
        sky: how much of the sky the pane mirrors, in [0, 1].
        curtain: below 0.5 none, to 0.85 drawn aside, above that across the lower half.
        glow: share of lamp light in the room.
        room: colour of what is behind; a dark room if None.
    """
    canvas = brush.canvas
    if not canvas.photo[canvas.slices(rect)].size:
        return
    rng = np.random.default_rng(seed)
    ys, xs = canvas.centres(rect)
    u = (xs - rect.x0) / rect.width
    v = (ys - rect.y0) / rect.height
    behind = ROOM if room is None else np.asarray(room, np.float32)
    depth = 0.82 + 0.36 * v
    patch = (depth[..., None] * (behind + (LAMP - behind) * np.float32(0.8 * glow))) + 0.0 * u[..., None]
    if curtain > 0.5:
        _hang_curtain(patch, u, v, curtain, rng)
    patch += _mirrored(brush, u, v, sky, rng) * np.float32(1 - 0.6 * glow)
    canvas.fill(rect, patch.astype(np.float32))


def _hang_curtain(patch: Array, u: Array, v: Array, kind: float, rng: np.random.Generator) -> None:
    phase, folds = rng.uniform(0, 6.28), rng.uniform(28, 48)
    pleats = 0.88 + 0.12 * np.sin(folds * u + phase + 1.5 * np.sin(3 * u))
    if kind < 0.85:
        part = 0.16 + 0.14 * rng.random() + 0.06 * np.abs(v - 0.6)
        mask = ((u < part) | (u > 1 - part)).astype(np.float32)
    else:
        mask = (v > 0.45 + 0.0 * u).astype(np.float32)
    cloth = (0.55 * pleats * (1.0 - 0.15 * v))[..., None] * CURTAIN
    patch += (cloth - patch) * (0.85 * mask)[..., None]


def _mirrored(brush: Brush, u: Array, v: Array, sky: float, rng: np.random.Generator) -> Array:
    """Light that the pane mirrors: sky above a slanting line, dim house fronts below it."""
    slant, line = rng.uniform(-0.5, 0.5), rng.uniform(0.15, 0.8)
    edge = line + slant * (u - 0.5)
    above = np.clip((edge - v) * 9 + 0.5, 0, 1)
    colour = np.asarray(brush.scheme.sky, np.float32)
    gleam = 0.05 + 0.30 * sky * above * (1.0 - 0.35 * v)
    return np.asarray(gleam[..., None] * colour, np.float32)
