"""Whether pictures have the shape that a layout takes for granted, from the headers of some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asap_lightning.data.header import read_header
from asap_lightning.data.source import Source

PROBES = 32
"""Headers that are read of a folder, evenly spread."""


@dataclass(frozen=True)
class Shape:
    """Width and height of a picture."""

    width: int
    height: int

    @property
    def ratio(self) -> float:
        """Width / height."""
        return self.width / self.height

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


def usual_shape(files: Sequence[Source]) -> Shape | None:
    """The shape of the file in the middle, if they are put in order by width / height; None without any."""
    step = max(1, len(files) // PROBES)
    headers = [header for file in files[::step][:PROBES] if (header := read_header(file)) is not None]
    shapes = sorted((Shape(*header.shown) for header in headers), key=lambda shape: shape.ratio)
    return shapes[len(shapes) // 2] if shapes else None


def looks_like_half(shape: Shape, pair: Shape) -> bool:
    """Whether a picture has half the width, for its height, that pairs have: within 5 %."""
    return abs(2 * shape.ratio / pair.ratio - 1) < 0.05


def far_narrower(shape: Shape, other: Shape) -> bool:
    """Whether the usual shapes of two folders tell that only one of them holds pairs."""
    return shape.ratio < 0.8 * other.ratio


def doubt_of_pair(shape: Shape) -> str:
    """Why a shape is unusual for two pictures side by side; empty if it is not."""
    if abs(shape.width - 3 * shape.height) <= 1:
        return (
            f"the files are {shape} (width x height), as three square pictures side by side are, and are cut "
            "in the middle: A | B was expected"
        )
    if shape.height > 1.6 * shape.width:
        return (
            f"the files are {shape} (width x height), far higher than wide: if A lies above B, put them "
            "side by side"
        )
    if shape.ratio < 1.6:
        return (
            f"the files are {shape} (width x height), so A and B are taken to be {shape.width // 2} x "
            f"{shape.height}: if they are single pictures, use data=photos, or data=folders with A/ and B/"
        )
    return ""
