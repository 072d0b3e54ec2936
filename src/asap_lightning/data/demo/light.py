"""The sun: which side it stands on, how long and how dark the shadows are, what it tints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asap_lightning.data.demo.canvas import Array, Canvas
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.materials import Noise


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
    """Shadow that a box standing ``depth`` proud of the wall throws; paint it before the box itself.

    The shadow is the hull of the box's face and of that face moved along the light.
    """
    dx, dy = light.side * depth, light.drop * depth
    soft = max(light.blur + 0.15 * depth, 1.0 / canvas.size)
    hull = Rect(rect.x0 + min(dx, 0), rect.y0, rect.x1 + max(dx, 0), rect.y1 + dy).inset(-0.5 * soft)
    ys, xs = canvas.centres(hull)
    if ys.size and xs.size:
        # A point at height y is shaded by the slices of the box whose shadows fall t of the way.
        near = np.clip((ys - rect.y1) / dy, 0, 1)
        far = np.clip((ys - rect.y0) / dy, 0, 1)
        low = rect.x0 + (far if dx < 0 else near) * dx
        high = rect.x1 + (near if dx < 0 else far) * dx
        across = np.clip((xs - low) / soft + 0.5, 0, 1) * np.clip((high - xs) / soft + 0.5, 0, 1)
        down = np.clip((ys - rect.y0) / soft + 0.5, 0, 1) * np.clip((rect.y1 + dy - ys) / soft + 0.5, 0, 1)
        canvas.shade_mask(hull, (across * down).astype(np.float32), light.part_shadow(weight))
    occlude(canvas, rect, depth, weight)


def occlude(canvas: Canvas, rect: Rect, depth: float, weight: float = 1.0) -> None:
    """Ambient occlusion: the dim seam around a proud part, also under an overcast sky."""
    canvas.shade(rect.inset(-0.25 * depth), 1.0 - 0.16 * weight, 0.9 * depth)


def cast_arch(
    canvas: Canvas, rect: Rect, rise: float, depth: float, light: Light, weight: float = 1.0
) -> None:
    """As `cast`, for a part whose top is an arc of height ``rise``."""
    dx, dy = light.side * depth, light.drop * depth
    soft = max(light.blur + 0.4 * depth, 1.0 / canvas.size)
    grown = rect.inset(-2.0 * soft - depth)
    fallen = canvas.arch_mask(rect.shifted(dx, 0.6 * dy), rise, frame=grown, soft=soft)
    canvas.shade_mask(grown, fallen, light.part_shadow(weight))
    seam = canvas.arch_mask(rect.inset(-0.2 * depth), rise, frame=grown, soft=max(depth, 1.0 / canvas.size))
    canvas.shade_mask(grown, seam, 1.0 - 0.16 * weight)


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
    tint = np.array([1 + 0.04 * light.warmth, 1.0, 1 - 0.05 * light.warmth], np.float32)
    gain = (light.exposure * (1.02 - 0.05 * t))[..., None] * tint
    out = np.empty((size, size, 3), np.uint8)
    for start in range(0, size, 256):
        band = slice(start, start + 256)
        light_field = 1.0 + 0.012 * noise.stains[band, :, None] + 0.008 * noise.grain[band, :, None]
        values = canvas.photo[band] * gain[band] * light_field
        out[band] = (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
    return out
