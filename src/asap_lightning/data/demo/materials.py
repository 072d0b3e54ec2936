"""Surfaces: noise, plaster, and masonry of any course height (brick, ashlar, rustication, roof tiles).

Every texture is a function of the position on the facade, not of the pixel grid: a larger image shows the
same bricks and stains with finer detail. Coarse noise comes first and finer octaves are added.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from asap_lightning.data.demo.canvas import Array, Canvas
from asap_lightning.data.demo.geometry import Rect


class Noise:
    """Random fields over the whole image, the same at every size up to their finest octave.

    Args:
        key: entropy of the facade, e.g. (seed, index).
        size: side in pixels.
    """

    def __init__(self, key: tuple[int, int], size: int) -> None:
        self.key, self.size = key, size

    @cached_property
    def stains(self) -> Array:
        """Slow blotches of 1/3 to 1/48 of the image; (size, size), zero mean, deviation about 1."""
        return self._sum(0, [3, 6, 12, 24, 48], 0.75)

    @cached_property
    def grain(self) -> Array:
        """Fine roughness from 1/96 of the image to the pixel; zero mean, deviation about 1."""
        cells = [n for n in (96, 192, 384, 768) if n <= self.size] or [self.size]
        return self._sum(1, cells, 0.85)

    @cached_property
    def streaks(self) -> Array:
        """Vertical runs, as rain leaves them; zero mean, deviation about 1."""
        rng = np.random.default_rng([*self.key, 2, 0])
        coarse = rng.standard_normal((5, 160)).astype(np.float32)
        return 1.4 * _enlarge(coarse, self.size)

    def _sum(self, stream: int, cells: list[int], persistence: float) -> Array:
        total = np.zeros((self.size, self.size), np.float32)
        weight, power = 1.0, 0.0
        for n in cells:
            rng = np.random.default_rng([*self.key, stream, n])
            coarse = rng.standard_normal((n, n), dtype=np.float32)
            total += weight * _enlarge(coarse - coarse.mean(), self.size)
            power += weight**2
            weight *= persistence
        # Linear interpolation lowers the deviation of white noise to about 2/3.
        total *= 1.5 / np.sqrt(power)
        return total


def _enlarge(coarse: Array, size: int) -> Array:
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


@dataclass(frozen=True)
class Surface:
    """What a wall is made of.

    Attributes:
        colour: RGB in [0, 1].
        course: height of a course as a fraction of the image; 0 for plaster without joints.
        length: length of a stone in courses.
        joint: thickness of a joint in courses.
        joint_colour: RGB of the joints.
        variation: deviation of the stones' lightness.
        bevel: strength of the lit edges of the stones (rustication).
        roughness: deviation of the fine grain.
        stains: deviation of the slow blotches.
        bond: shift of every second course in stone lengths.
    """

    colour: tuple[float, float, float]
    course: float = 0.0
    length: float = 3.0
    joint: float = 0.14
    joint_colour: tuple[float, float, float] = (0.75, 0.72, 0.66)
    variation: float = 0.0
    bevel: float = 0.0
    roughness: float = 0.02
    stains: float = 0.03
    bond: float = 0.5


def lay(canvas: Canvas, rect: Rect, surface: Surface, noise: Noise) -> None:
    """Covers a rectangle with a surface."""
    where = canvas.slices(rect)
    if not canvas.photo[where].size:
        return
    tone = 1.0 + surface.stains * noise.stains[where] + surface.roughness * noise.grain[where]
    patch: Array
    if surface.course <= 0:
        patch = tone[..., None] * np.asarray(surface.colour, np.float32)
    else:
        patch = _masonry(canvas, rect, surface, noise, tone)
    canvas.fill(rect, patch)


def _masonry(canvas: Canvas, rect: Rect, surface: Surface, noise: Noise, tone: Array) -> Array:
    ys, xs = canvas.centres(rect)
    pitch = 1.0 / canvas.size
    v = (ys[:, 0] / surface.course).astype(np.float64)
    course = np.floor(v).astype(np.intp)
    stone = surface.course * surface.length
    starts = np.stack([xs[0] / stone, xs[0] / stone + surface.bond]).astype(np.float64)
    column = np.floor(starts).astype(np.intp)
    dv, du = pitch / surface.course, pitch / stone
    flat = _pulse(v, dv, surface.joint)
    upright = _pulse(starts, du, surface.joint / surface.length)
    parity = course & 1
    joints = 1.0 - (1.0 - flat)[:, None] * (1.0 - upright[parity])
    rng = np.random.default_rng([*noise.key, 3])
    table = rng.standard_normal((257, 127)).astype(np.float32)
    stones = table[(course % 257)[:, None], column[parity] % 127]
    body = (tone + surface.variation * stones).astype(np.float32)
    if surface.bevel:
        lit = _pulse(v - surface.joint, dv, surface.joint)
        body += surface.bevel * lit[:, None].astype(np.float32)
    patch = body[..., None] * np.asarray(surface.colour, np.float32)
    # Neighbouring stones differ a little in hue as well: some redder, some greyer.
    patch[..., 0] += 0.35 * surface.variation * stones * surface.colour[0]
    joint_patch = (0.5 + 0.5 * tone)[..., None] * np.asarray(surface.joint_colour, np.float32)
    patch += (joint_patch - patch) * joints[..., None].astype(np.float32)
    return patch


def _pulse(t: np.ndarray, dt: float, duty: float) -> np.ndarray:
    """Box-filtered periodic pulse: the mean over [t - dt/2, t + dt/2] of (t mod 1 < duty)."""

    def integral(u: np.ndarray) -> np.ndarray:
        whole = np.floor(u)
        return whole * duty + np.minimum(u - whole, duty)

    return (integral(t + 0.5 * dt) - integral(t - 0.5 * dt)) / dt
