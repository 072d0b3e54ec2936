"""The sheet that photo and label map are painted on, together and at the same edges.

Antialiasing is analytic: a shape's weight at a pixel is the area that it covers there, and the label map
takes the shape where the pixel's centre lies inside. Both follow from the same resolution-free plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.demo.geometry import Rect

Array = NDArray[np.float32]
Colour = Sequence[float] | Array


class Canvas:
    """A square photo and its label map.

    Attributes:
        size: side in pixels.
        photo: (size, size, 3) float32, RGB, about [0, 1].
        label: (size, size) uint8, CMP class ids.
        objects: (class id, box) of every element marked, in painting order.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.photo: Array = np.zeros((size, size, 3), np.float32)
        self.label: NDArray[np.uint8] = np.ones((size, size), np.uint8)
        self.objects: list[tuple[int, Rect]] = []

    def slices(self, rect: Rect) -> tuple[slice, slice]:
        """Rows and columns of all pixels that the rectangle touches."""
        return self._pixels(rect.y0, rect.y1), self._pixels(rect.x0, rect.x1)

    def _pixels(self, start: float, stop: float) -> slice:
        first = min(self.size, max(0, math.floor(start * self.size)))
        return slice(first, max(first, min(self.size, math.ceil(stop * self.size))))

    def centres(self, rect: Rect) -> tuple[Array, Array]:
        """Fractions (y as a column, x as a row) of the pixel centres that `slices` selects."""
        rows, columns = self.slices(rect)
        ys = (np.arange(rows.start, rows.stop) + 0.5) / self.size
        xs = (np.arange(columns.start, columns.stop) + 0.5) / self.size
        return ys.astype(np.float32)[:, None], xs.astype(np.float32)[None, :]

    def coverage(self, rect: Rect) -> Array:
        """How much of each pixel of `slices` the rectangle covers, (h, w) in [0, 1]."""
        rows, columns = self.slices(rect)
        y = _span_coverage(rows, rect.y0 * self.size, rect.y1 * self.size)
        x = _span_coverage(columns, rect.x0 * self.size, rect.x1 * self.size)
        return y[:, None] * x[None, :]

    def fill(self, rect: Rect, colour: Colour, alpha: float = 1.0) -> None:
        """Paints a rectangle with a colour (3,) or with a patch (h, w, 3) for the pixels of `slices`."""
        region = self.photo[self.slices(rect)]
        if not region.size:
            return
        mask = self.coverage(rect)
        self._blend(region, mask if alpha == 1.0 else mask * np.float32(alpha), colour)

    def fill_mask(self, rect: Rect, mask: Array, colour: Colour) -> None:
        """Paints with a weight (h, w) for every pixel of ``slices(rect)``."""
        region = self.photo[self.slices(rect)]
        if region.size:
            self._blend(region, mask, colour)

    @staticmethod
    def _blend(region: Array, mask: Array, colour: Colour) -> None:
        region += (np.asarray(colour, np.float32) - region) * mask[..., None]

    def shade(self, rect: Rect, factor: Colour | float, soft: float = 0.0) -> None:
        """Multiplies a rectangle by ``factor``; ``soft`` is the width of its blurred edges."""
        reach = 0.5 * soft
        grown = rect.inset(-reach)
        region = self.photo[self.slices(grown)]
        if not region.size:
            return
        if soft * self.size <= 1.0:
            mask = self.coverage(rect) if reach == 0 else self._soft_coverage(grown, rect, 1 / self.size)
        else:
            mask = self._soft_coverage(grown, rect, soft)
        self.shade_mask(grown, mask, factor)

    def shade_mask(self, rect: Rect, mask: Array, factor: Colour | float) -> None:
        """Multiplies by ``factor`` with a weight (h, w) for every pixel of ``slices(rect)``."""
        region = self.photo[self.slices(rect)]
        if region.size:
            region *= 1.0 - (1.0 - np.asarray(factor, np.float32)) * mask[..., None]

    def _soft_coverage(self, grown: Rect, rect: Rect, soft: float) -> Array:
        ys, xs = self.centres(grown)
        y = np.clip((ys - rect.y0) / soft + 0.5, 0, 1) * np.clip((rect.y1 - ys) / soft + 0.5, 0, 1)
        x = np.clip((xs - rect.x0) / soft + 0.5, 0, 1) * np.clip((rect.x1 - xs) / soft + 0.5, 0, 1)
        return np.asarray(y * x, np.float32)

    def gradient(self, rect: Rect, top: float, bottom: float) -> None:
        """Multiplies a rectangle by a factor that runs linearly from its top to its bottom."""
        region = self.photo[self.slices(rect)]
        if not region.size:
            return
        ys, _ = self.centres(rect)
        t = np.clip((ys - rect.y0) / max(rect.height, 1e-9), 0, 1)
        factor = top + (bottom - top) * t
        region *= 1.0 - (1.0 - factor[..., None]) * self.coverage(rect)[..., None]

    def mark(self, rect: Rect, class_id: int) -> None:
        """Labels the pixels whose centres lie in the rectangle, and notes it as an object."""
        s = self.size
        y0, y1, x0, x1 = (
            min(s, max(0, int(np.ceil(edge * s - 0.5)))) for edge in (rect.y0, rect.y1, rect.x0, rect.x1)
        )
        self.label[y0:y1, x0:x1] = class_id
        self.objects.append((class_id, rect))

    def mark_mask(self, rect: Rect, mask: Array, class_id: int) -> None:
        """Labels the pixels of ``slices(rect)`` that the mask covers by half or more; notes the object."""
        self.label[self.slices(rect)][mask >= 0.5] = class_id
        self.objects.append((class_id, rect))

    @contextmanager
    def clip(self, rect: Rect, mask: Array) -> Iterator[None]:
        """What is painted inside ``slices(rect)`` meanwhile stays only where ``mask`` is 1."""
        where = self.slices(rect)
        photo, label = self.photo[where].copy(), self.label[where].copy()
        yield
        self.photo[where] = photo + (self.photo[where] - photo) * mask[..., None]
        self.label[where] = np.where(mask >= 0.5, self.label[where], label)

    def arch_mask(self, rect: Rect, rise: float, frame: Rect | None = None, soft: float = 0.0) -> Array:
        """Weights of a rectangle whose top is a circular arc of height ``rise``.

        (h, w) for ``slices(frame)``, by default those of the rectangle; ``soft`` is the width of blurred
        edges.
        """
        half = 0.5 * rect.width
        rise = min(max(rise, 1e-4), half)
        radius = (half * half + rise * rise) / (2 * rise)
        ys, xs = self.centres(frame or rect)
        distance = np.hypot(xs - rect.cx, ys - (rect.y0 + radius)) - radius
        soft = max(soft, 1.0 / self.size)
        inside = np.clip(0.5 - distance / soft, 0, 1)
        walls = np.clip((half - np.abs(xs - rect.cx)) / soft + 0.5, 0, 1)
        foot = np.clip((rect.y1 - ys) / soft + 0.5, 0, 1)
        return np.asarray(np.where(ys < rect.y0 + rise, np.minimum(inside, walls), walls) * foot, np.float32)

    def ellipse_mask(self, rect: Rect) -> Array:
        """Weights (h, w) of the ellipse inscribed in the rectangle."""
        ys, xs = self.centres(rect)
        a, b = 0.5 * rect.width, 0.5 * rect.height
        level = np.hypot((xs - rect.cx) / a, (ys - rect.cy) / b)
        return np.clip(0.5 + (1.0 - level) * min(a, b) * self.size, 0, 1).astype(np.float32)

    def triangle_mask(self, rect: Rect) -> Array:
        """Weights (h, w) of the upright triangle inscribed in the rectangle."""
        ys, xs = self.centres(rect)
        slope = rect.height / (0.5 * rect.width)
        depth = (ys - rect.y0) - slope * np.abs(xs - rect.cx)
        inside = np.clip(0.5 + depth * self.size / np.hypot(1.0, slope), 0, 1)
        return inside.astype(np.float32) * self.coverage(rect)


def _span_coverage(pixels: slice, start: float, stop: float) -> Array:
    """Share of each of the pixels [i, i + 1] that the span covers; all but the outermost are whole."""
    covered = np.ones(pixels.stop - pixels.start, np.float32)
    if covered.size:
        covered[0] -= max(0.0, start - pixels.start)
        covered[-1] -= max(0.0, pixels.stop - stop)
        covered[0], covered[-1] = max(0.0, covered[0]), max(0.0, covered[-1])
    return covered
