"""The sun: which side it stands on, how long and how dark the shadows are, what it tints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import Array, Canvas
from .geometry import Rect
from .materials import Noise


@dataclass(frozen=True)
class Light:
    """One light for the whole facade.

    Attributes:
        side: horizontal run of shadows per depth; negative: they fall to the left.
        drop: vertical run of shadows per depth.
        strength: darkness of a cast shadow in [0, 1].
        blur: softness of shadow edges, as a fraction of the image.
        warmth: tint of the light, about 0; positive is a low, warm sun.
        exposure: factor on everything.
    """

    side: float
    drop: float
    strength: float
    blur: float
    warmth: float
    exposure: float

    @property
    def shadow(self) -> Array:
        """Factor of a full cast shadow; a little blue, for the sky still lights it."""
        s = self.strength
        return np.array([1 - s, 1 - 0.96 * s, 1 - 0.86 * s], np.float32)

    def part_shadow(self, weight: float) -> Array:
        """Factor of a shadow of the given weight in [0, 1]."""
        return 1.0 - np.float32(weight) * (1.0 - self.shadow)


def cast(canvas: Canvas, rect: Rect, depth: float, light: Light, weight: float = 1.0) -> None:
    """Shadow that a box standing ``depth`` proud of the wall throws; paint it before the box itself."""
    dx, dy = light.side * depth, light.drop * depth
    swept = Rect(min(rect.x0, rect.x0 + dx), rect.y0, max(rect.x1, rect.x1 + dx), rect.y1)
    left = rect.x0 + max(dx, 0) * 0.5
    right = rect.x1 + min(dx, 0) * 0.5
    fallen = Rect(
        min(left, rect.x0 + dx) if dx < 0 else left,
        rect.y0 + dy,
        max(right, swept.x1 if dx > 0 else right),
        rect.y1 + dy,
    )
    canvas.shade(fallen, light.part_shadow(weight), light.blur + 0.3 * depth)
    # Ambient occlusion hugs the element on every side, also under an overcast sky.
    canvas.shade(rect.inset(-0.25 * depth), 1.0 - 0.16 * weight, 0.9 * depth)


def recess(canvas: Canvas, rect: Rect, depth: float, light: Light) -> None:
    """Shadow that the reveal of an opening throws on what stands ``depth`` behind the wall."""
    soft = light.blur + 0.15 * depth
    top = Rect(rect.x0, rect.y0 - depth, rect.x1, rect.y0 + light.drop * depth)
    canvas.shade(_within(top, rect), light.part_shadow(0.85), 0.0 if soft * canvas.size < 1 else soft * 0.5)
    run = abs(light.side) * depth
    if light.side > 0:
        canvas.shade(Rect(rect.x0, rect.y0, rect.x0 + run, rect.y1), light.part_shadow(0.7))
    else:
        canvas.shade(Rect(rect.x1 - run, rect.y0, rect.x1, rect.y1), light.part_shadow(0.7))


def _within(inner: Rect, outer: Rect) -> Rect:
    return Rect(
        max(inner.x0, outer.x0), max(inner.y0, outer.y0), min(inner.x1, outer.x1), min(inner.y1, outer.y1)
    )


def edges(canvas: Canvas, rect: Rect, width: float, light: Light, strength: float = 1.0) -> None:
    """Bevel of a box: the edges towards the light brighter, those away from it darker."""
    bright, dark = 1.0 + 0.13 * strength, 1.0 - 0.22 * strength
    canvas.shade(Rect(rect.x0, rect.y0, rect.x1, rect.y0 + width), bright)
    canvas.shade(Rect(rect.x0, rect.y1 - width, rect.x1, rect.y1), dark)
    left, right = (bright, dark) if light.side > 0 else (dark, bright)
    canvas.shade(Rect(rect.x0, rect.y0, rect.x0 + width, rect.y1), left)
    canvas.shade(Rect(rect.x1 - width, rect.y0, rect.x1, rect.y1), right)


def develop(canvas: Canvas, light: Light, noise: Noise) -> np.ndarray:
    """The finished photo, (size, size, 3) uint8: exposure, tint, slow light falloff, film grain."""
    size = canvas.size
    t = ((np.arange(size, dtype=np.float32) + 0.5) / size)[:, None]
    tint = np.array([1 + 0.05 * light.warmth, 1.0, 1 - 0.07 * light.warmth], np.float32)
    gain = (light.exposure * (1.03 - 0.07 * t))[..., None] * tint
    out = np.empty((size, size, 3), np.uint8)
    for start in range(0, size, 256):
        band = slice(start, start + 256)
        light_field = 1.0 + 0.02 * noise.stains[band, :, None] + 0.008 * noise.grain[band, :, None]
        values = canvas.photo[band] * gain[band] * light_field
        out[band] = (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    return out
