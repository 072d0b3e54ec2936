"""Rectangles of the plan, in fractions of the image side (x to the right, y down)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rect:
    """An axis-parallel rectangle; fractions of the image side, so a plan has no resolution."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def cx(self) -> float:
        return 0.5 * (self.x0 + self.x1)

    @property
    def cy(self) -> float:
        return 0.5 * (self.y0 + self.y1)

    def inset(self, dx: float, dy: float | None = None) -> Rect:
        """Smaller by ``dx`` left and right and ``dy`` (default ``dx``) above and below; negative grows."""
        dy = dx if dy is None else dy
        return Rect(self.x0 + dx, self.y0 + dy, self.x1 - dx, self.y1 - dy)

    def shifted(self, dx: float, dy: float) -> Rect:
        """The same rectangle moved."""
        return Rect(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def part(self, u0: float, v0: float, u1: float, v1: float) -> Rect:
        """The part between the relative positions (u0, v0) and (u1, v1), each in [0, 1]."""
        w, h = self.width, self.height
        return Rect(self.x0 + u0 * w, self.y0 + v0 * h, self.x0 + u1 * w, self.y0 + v1 * h)

    def columns(self, n: int) -> list[Rect]:
        """``n`` equal columns, left to right."""
        return [self.part(i / n, 0.0, (i + 1) / n, 1.0) for i in range(n)]

    def rows(self, n: int) -> list[Rect]:
        """``n`` equal rows, top to bottom."""
        return [self.part(0.0, i / n, 1.0, (i + 1) / n) for i in range(n)]
