"""How canvases are made of segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from asap_lightning.errors import UserError

Fit = Literal["box", "place"]
MOST_MASKS = 10_000


@dataclass(frozen=True)
class CanvasOptions:
    """Numbers of SIMS's canvases; the defaults are the authors' where they are known.

    Attributes:
        fit: ``place``: a segment is laid where it was in its own image; ``box``: its box is scaled to the
            region's, where that makes them overlap more.
        context: weight of the contexts' IoU beside the masks' in the search; the paper's is 1.
        min_area: pixels, of the bank's frame, of the smallest region that gets a segment; None: the bank's.
        band: width of the band inside every border whose pixels are emptied, of the canvas's height.
        own_band: the same in training canvases of an image's own segments.
        emptied: share of the band's pixels that are.
        masks: of other segments that are drawn for each own segment; the best cuts it.
        recoloured: share of the own segments that take the colours of another segment.
        rewrite: whether the layout becomes that of the pieces, where they lie.
        clear: whether what is known by name is emptied wholly: bands at trees, below vehicles, at the feet of
            objects.
    """

    fit: Fit = "box"
    context: float = 0.0
    min_area: int | None = None
    band: float = 0.035
    own_band: float = 0.05
    emptied: float = 0.5
    masks: int = 100
    recoloured: float = 0.2
    rewrite: bool = False
    clear: bool = True

    def __post_init__(self) -> None:
        if self.fit not in get_args(Fit):
            raise _refused("fit", self.fit, f"one of {', '.join(get_args(Fit))}")
        for name, most in (
            ("context", 1000.0),
            ("band", 1.0),
            ("own_band", 1.0),
            ("emptied", 1.0),
            ("recoloured", 1.0),
        ):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
                raise _refused(name, value, f"a number from 0 to {most:g}")
        if type(self.masks) is not int or not 1 <= self.masks <= MOST_MASKS:
            raise _refused("masks", self.masks, f"a whole number from 1 to {MOST_MASKS}")
        if self.min_area is not None and (type(self.min_area) is not int or self.min_area < 1):
            raise _refused("min_area", self.min_area, "a whole number from 1 on, or null")
        for name in ("rewrite", "clear"):
            if type(getattr(self, name)) is not bool:
                raise _refused(name, getattr(self, name), "true or false")

    @classmethod
    def of(cls, values: Mapping[str, Any] | None) -> CanvasOptions:
        """Options by name.

        Raises:
            UserError: an unknown name or a value out of range.
        """
        known = [field.name for field in fields(cls)]
        for name in values or {}:
            if name not in known:
                raise UserError(
                    f"canvas_options.{name}: there is no such option; there are {', '.join(known)}, "
                    "align, order"
                )
        return cls(**(values or {}))


def _refused(name: str, value: object, expected: str) -> UserError:
    return UserError(f"canvas_options.{name}={value}: {expected} was expected")
