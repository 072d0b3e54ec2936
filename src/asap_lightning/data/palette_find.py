"""The colours that stand for classes, found in label pictures themselves.

Most pixels of a label map lie inside a region of one colour. There JPEG changes little, while on borders it
makes any blend of two colours. So of lossy files, and of others with many colours, only pixels that look like
their neighbours are counted. The most frequent colour is the first of the palette; colours near to it are its
noise; the most frequent of the others is the second; and so on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.palette_match import FARTHEST, Colour, nearest, pack, unpack
from asap_lightning.errors import UserError

DRAWN = 256
"""A file in a lossless format with no more colours is taken as drawn: every pixel of it counts."""
FLAT = 12
"""Greatest spread of a channel among 3 x 3 pixels of one region."""
NOISE = 24
"""Colours of files that are not drawn are taken as one up to this distance."""
LEAST = 5e-4
"""Smallest share of the pixels that count for a colour of its own, where files are not drawn."""
MOST = 256
MATCHED = 0.97
STEPS = (*range(10, 201, 10), FARTHEST)


@dataclass
class ColourCounts:
    """How often each colour occurs in pictures; 256 MB at most, of which only what is used is taken.

    Attributes:
        everywhere: pixels of each packed colour.
        inside: of them those that count as meant, see the module.
        pictures: how many were added.
        drawn: how many of them have few colours, and have lost nothing.
        grey: how many of them have no colours but grey.
    """

    everywhere: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1 << 24, np.int64))
    inside: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1 << 24, np.int64))
    pictures: int = 0
    drawn: int = 0
    grey: int = 0

    def add(self, picture: NDArray[np.uint8], *, lossy: bool) -> None:
        """Counts a picture (H, W, 3) of a file in a lossy or lossless format."""
        codes = pack(picture)
        found, counts = np.unique(codes, return_counts=True)
        self.everywhere[found] += counts
        if lossy or len(found) > DRAWN:
            found, counts = np.unique(codes[flat(picture)], return_counts=True)
        else:
            self.drawn += 1
        self.inside[found] += counts
        self.pictures += 1
        self.grey += bool((picture == picture[..., :1]).all())

    @property
    def exact(self) -> bool:
        """Whether every file is drawn, so that every colour is meant."""
        return self.drawn == self.pictures


def flat(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which pixels (H, W) look like the eight around them; not those at the picture's own border."""
    inside = np.zeros(picture.shape[:2], bool)
    if min(inside.shape) < 3:
        return inside
    low = high = picture
    for axis in (0, 1):
        size = picture.shape[axis] - 2
        shifted = [np.take(low, range(n, n + size), axis) for n in range(3)]
        low = np.minimum.reduce(shifted)
        high = np.maximum.reduce([np.take(high, range(n, n + size), axis) for n in range(3)])
    inside[1:-1, 1:-1] = ((high - low) <= FLAT).all(-1)
    return inside


@dataclass(frozen=True)
class Proposal:
    """A palette that label pictures seem to have.

    Attributes:
        colours: the most frequent first.
        shares: of all pixels, those that have each of the colours within the tolerance.
        tolerance: what is proposed as ``palette_tolerance``.
        exact: whether every file has a few colours only.
        within: share of the pixels that a palette with some other tolerances matches.
    """

    colours: list[Colour]
    shares: list[float]
    tolerance: float
    exact: bool
    within: dict[float, float]

    @property
    def unmatched(self) -> float:
        """Share of the pixels that no colour is near to."""
        return max(0.0, 1.0 - math.fsum(self.shares))


def propose(counts: ColourCounts, *, count: int | None = None, tolerance: float | None = None) -> Proposal:
    """The palette of the pictures that were counted.

    Args:
        counts: of the pictures.
        count: number of colours; None takes all that are frequent enough.
        tolerance: up to which distance colours are one, and pixels belong to a colour. None: 0 for drawn
            files; for others `NOISE`, and what matches 97 % of the pixels.

    Raises:
        UserError: no colour is frequent enough.
    """
    radius = tolerance if tolerance is not None else 0.0 if counts.exact else NOISE
    colours = _frequent(counts, radius, count)
    codes = np.flatnonzero(counts.everywhere).astype(np.int32)
    number, squared = nearest(codes, colours)
    pixels, distance = counts.everywhere[codes], np.sqrt(squared)
    total = int(pixels.sum())
    within = {float(step): float(pixels[distance <= step].sum() / total) for step in (0, *STEPS)}
    if tolerance is None:
        tolerance = 0.0 if counts.exact else next(step for step in within if within[step] >= MATCHED)
    near = distance <= tolerance
    matched = np.bincount(number[near], pixels[near], len(colours)) / total
    order = np.argsort(-matched, kind="stable")
    return Proposal([colours[i] for i in order], matched[order].tolist(), tolerance, counts.exact, within)


def _frequent(counts: ColourCounts, radius: float, count: int | None) -> list[Colour]:
    codes = np.flatnonzero(counts.inside).astype(np.int32)
    pixels = counts.inside[codes]
    least = 0.0 if counts.exact or count is not None else LEAST * pixels.sum()
    order = np.argsort(-pixels, kind="stable")
    codes, pixels = codes[order], pixels[order]
    colours: list[Colour] = []
    while codes.size and len(colours) < (count or MOST):
        colour = unpack(codes[0])
        own = nearest(codes, [colour])[1] <= radius**2
        if pixels[own].sum() >= least:
            colours.append(colour)
        codes, pixels = codes[~own], pixels[~own]
    if not colours:
        raise UserError(
            "no colour is found in these pictures: nowhere do 3 x 3 pixels look alike, as inside the regions "
            "of a label map. They look like photos"
        )
    return colours
