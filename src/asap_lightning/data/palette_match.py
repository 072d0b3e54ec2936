"""Colours in label pictures and the classes that they stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.lossy import lossy_format
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError
from asap_lightning.wording import counted

Colour = tuple[int, int, int]

FARTHEST = 442
"""No two colours are farther apart: the distance from black to white, rounded up."""

_COLOURS = 1 << 24
_NEW, _NONE, _FIRST = 0, 1, 2
_LISTED = 5
_MANY = 64


class UnmatchedColours(UserError):
    """A label picture has colours that the palette does not list.

    Attributes:
        unmatched: pixels of such colours.
        pixels: of the picture.
    """

    unmatched: int = 0
    pixels: int = 0


class Palette:
    """The nearest listed colour within a tolerance, for whole pictures.

    Every colour is looked up in a table of all 2^24 colours, which is filled as colours are first met:
    JPEG pictures hold thousands, but mostly the same ones. The table takes 16 MB at most (32 MB for more
    than 253 colours), and only the pages that are used. Threads may share a palette.

    Args:
        colours: class id -> (red, green, blue), all different.
        tolerance: greatest distance from a listed colour, ``sqrt(dr^2 + dg^2 + db^2)``; 0 is exact. Of
            equally near colours the one of the lower class id is taken.
    """

    def __init__(self, colours: Mapping[int, Colour], tolerance: float = 0.0) -> None:
        self.colours, self.tolerance = dict(sorted(colours.items())), tolerance
        self._classes = np.array([0, -1, *self.colours], np.int32)
        self._table: NDArray[Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Palette, (self.colours, self.tolerance)  # the table is filled anew in another process

    def match(self, picture: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Class ids (H, W) of a picture (H, W, 3); -1 where no listed colour is near enough."""
        return self.match_codes(pack(picture))

    def match_codes(self, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """As `match`, for colours packed into integers."""
        if self._table is None:
            self._table = np.zeros(_COLOURS, np.min_scalar_type(len(self._classes)))
        places = self._table[codes]
        new = places == _NEW
        if new.any():
            met = np.unique(codes[new])
            self._table[met] = self._places(met)
            places = self._table[codes]
        return self._classes[places]

    def _places(self, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Where in ``_classes`` the class of each colour stands."""
        number, distance = nearest(codes, tuple(self.colours.values()))
        return np.where(distance <= self.tolerance**2, number + _FIRST, _NONE)


def nearest(
    codes: NDArray[np.int32], colours: Sequence[Colour]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For packed colours: the number of the nearest of some colours, the first of equally near ones.

    Returns:
        The numbers, and the squares of the distances.
    """
    number = np.zeros(codes.shape, np.int32)
    least = np.full(codes.shape, np.iinfo(np.int32).max, np.int32)
    red, green, blue = codes >> 16, codes >> 8 & 255, codes & 255
    for index, (r, g, b) in enumerate(colours):
        distance = (red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2
        closer = distance < least
        number[closer], least[closer] = index, distance[closer]
    return number, least


def pack(picture: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Colours (..., 3) as one integer each."""
    wide = picture.astype(np.int32)
    return (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]


def unpack(code: int) -> Colour:
    """The inverse of `pack`, for one colour."""
    return int(code) >> 16, int(code) >> 8 & 255, int(code) & 255


def parse_palette(given: Any, key: str) -> dict[int, Colour]:
    """Class id -> colour from a list in the order of the classes, or from a mapping.

    Args:
        given: what the user wrote.
        key: the option that it was written for.

    Raises:
        UserError: not colours, none, or one colour for two classes.
    """
    if isinstance(given, str) or not hasattr(given, "__iter__") or not len(given):
        raise UserError(f"{key}={given!r}: a list of colours was expected, one a class: [[r,g,b],[r,g,b],..]")
    pairs = given.items() if isinstance(given, Mapping) else enumerate(given)
    colours = {_class_id(class_id, key): _colour(colour, key) for class_id, colour in pairs}
    first: dict[Colour, int] = {}
    for class_id, colour in colours.items():
        if colour in first:
            raise UserError(
                f"{key} gives the colour {colour} to class {first[colour]} and to class {class_id}: one "
                "colour cannot stand for two classes. Leave one of them out, or correct its colour"
            )
        first[colour] = class_id
    return colours


def _class_id(given: Any, key: str) -> int:
    try:
        return int(given)
    except (TypeError, ValueError) as error:
        raise UserError(f"{key}: '{given}' is no class id; {{0: [r,g,b], 1: ..}} was expected") from error


def _colour(given: Any, key: str) -> Colour:
    channels = tuple(given) if isinstance(given, list | tuple | np.ndarray) else ()
    whole = all(isinstance(c, int | np.integer) and not isinstance(c, bool) for c in channels)
    if len(channels) != 3 or not whole or not all(0 <= c <= 255 for c in channels):
        raise UserError(
            f"{key}: a colour is three whole numbers from 0 to 255, red, green, blue; got {given!r}"
        )
    return int(channels[0]), int(channels[1]), int(channels[2])


def parse_tolerance(given: Any, key: str) -> float:
    """A distance between colours.

    Raises:
        UserError: not a number from 0 on.
    """
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not math.isfinite(given) or given < 0:
        raise UserError(
            f"{key}={given}: the greatest distance from a listed colour was expected, a number from 0 "
            f"(exact colours) to {FARTHEST} (always the nearest)"
        )
    return given


def unmatched_colours(
    path: Source, picture: NDArray[np.uint8], wrong: NDArray[np.bool_], palette: Palette, keys: str
) -> UnmatchedColours:
    """The error for pixels whose colour no class has.

    Args:
        path: the file.
        picture: its colours (H, W, 3).
        wrong: which pixels (H, W).
        palette: what they were looked up in.
        keys: where the options stand, for advice: ``data.layout``.
    """
    found = np.unique(pack(picture[wrong]))
    number = int(wrong.sum())
    near = f" within {palette.tolerance:g} of it" if palette.tolerance else ""
    error = UnmatchedColours(
        f"{path}: {number} of {wrong.size} pixels ({number / wrong.size:.2%}) have a colour that "
        f"{keys}.palette does not list{near}: {listed_colours(picture, wrong)}. "
        f"{_advice(path, picture, found, palette, keys)}"
    )
    error.unmatched, error.pixels = number, wrong.size
    return error


def listed_colours(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> str:
    """The most frequent colours of some pixels, with how many there are of each.

    Args:
        picture: (H, W, 3).
        where: (H, W), at least one pixel.
    """
    found, counts = np.unique(pack(picture[where]), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_LISTED]
    listed = ", ".join(f"{unpack(found[i])}: {counted(int(counts[i]), 'pixel')}" for i in order)
    return listed + (f" and {found.size - _LISTED} more" if found.size > _LISTED else "")


def _advice(
    path: Source, picture: NDArray[np.uint8], found: NDArray[np.int32], palette: Palette, keys: str
) -> str:
    grey = bool((picture == picture[..., :1]).all())
    if grey and int(picture.max()) <= max(palette.colours):
        return (
            f"The file holds the grey values {picture.min()} to {picture.max()}, as class ids do: for files "
            "of class ids leave the palette out"
        )
    if palette.tolerance:
        return (
            f"Add the colours, raise {keys}.palette_tolerance, or let such pixels be 'unknown': "
            "data.layout.has_unknown=true. 'asap data palette' shows the colours of a data set"
        )
    if (lossy := lossy_format(path)) or found.size > _MANY:
        cause = f"This is {lossy}, which" if lossy else "So many colours mean a file that was a JPEG or"
        changed = "changes colours" if lossy else "was resized smoothly"
        return (
            f"{cause} {changed}: set {keys}.palette_tolerance=N to take the nearest colour within N "
            "('asap data palette' proposes one), or save label maps as PNG, resized with nearest neighbour"
        )
    return f"Add them to {keys}.palette ('asap data palette' lists the colours of a data set)"
