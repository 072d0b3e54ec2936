"""What every painter holds: the canvas, the light, the noise, the building's colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asap_lightning.data.demo.canvas import Array, Canvas
from asap_lightning.data.demo.elements import RGB, Scheme
from asap_lightning.data.demo.geometry import Rect
from asap_lightning.data.demo.light import Light, cast, edges
from asap_lightning.data.demo.materials import Noise


@dataclass(frozen=True)
class Brush:
    """The painter's tools for one facade."""

    canvas: Canvas
    light: Light
    noise: Noise
    scheme: Scheme

    def worn(self, rect: Rect, colour: RGB, roughness: float = 0.016, stains: float = 0.012) -> Array:
        """A patch (h, w, 3) of the colour with fine grain and slow blotches."""
        where = self.canvas.slices(rect)
        tone = 1.0 + roughness * self.noise.grain[where] + stains * self.noise.stains[where]
        return np.asarray(tone[..., None] * np.asarray(colour, np.float32), np.float32)

    def block(self, rect: Rect, colour: RGB, bevel: float, strength: float = 1.0) -> None:
        """A solid part: worn colour, lit and shaded edges of width ``bevel``."""
        self.canvas.fill(rect, self.worn(rect, colour))
        edges(self.canvas, rect, bevel, self.light, strength)

    def cast(self, rect: Rect, depth: float, weight: float = 1.0) -> None:
        """The shadow of a part that stands ``depth`` proud; before the part itself."""
        cast(self.canvas, rect, depth, self.light, weight)


def darker(colour: RGB, factor: float) -> RGB:
    """The colour times ``factor``."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)
