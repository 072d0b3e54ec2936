"""What the label maps of a split have in common that no single file gives away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from asap_lightning.wording import counted, listed

SMOOTHED = 0.08
"""Share of in-between ids at which a map is called smoothed. Cityscapes, COCO-Stuff and the built-in facades
have at most 0.024, also when resized with nearest neighbour; resized with any smooth filter 0.10 to 0.54."""
_FEWEST = 100
_WORST = 3


def in_between(ids: NDArray) -> tuple[int, int]:
    """How many pixels lie between two different ids, and how many of them hold an id between those two.

    A border of a label map goes from one id to another at once. A smooth filter puts ids between them, which
    mean other classes.

    Args:
        ids: (H, W) class ids.
    """
    between = borders = 0
    for axis in (0, 1):
        size = max(0, ids.shape[axis] - 2)
        before, here, after = (np.take(ids, range(n, n + size), axis) for n in range(3))
        rising, falling = (before < here) & (here < after), (before > here) & (here > after)
        between += int(np.count_nonzero(rising | falling))
        borders += int(np.count_nonzero(before != after))
    return between, borders


@dataclass
class LabelNotes:
    """The label maps of a split.

    Attributes:
        pixels: of all that were looked at.
        unmatched: file -> pixels without a colour of the palette, and pixels.
        maps: how many there are.
        smoothed: file -> share of ids in between.
    """

    pixels: int = 0
    unmatched: dict[str, tuple[int, int]] = field(default_factory=dict)
    maps: int = 0
    smoothed: dict[str, float] = field(default_factory=dict)

    def add_colours(self, file: str, unmatched: int, pixels: int) -> None:
        """Counts a file that was read by a palette, or could not be."""
        self.pixels += pixels
        if unmatched:
            self.unmatched[file] = unmatched, pixels

    def add_ids(self, file: str, between: int, borders: int) -> None:
        """Counts a map of ids, by what `in_between` says of it."""
        self.maps += 1
        if borders >= _FEWEST and between > SMOOTHED * borders:
            self.smoothed[file] = between / borders

    def colours(self, tolerance: float) -> str:
        """The share of the pixels that no colour is near to, and the worst files; empty without files."""
        if not self.pixels:
            return ""
        total = sum(number for number, _ in self.unmatched.values())
        kind = f"within {tolerance:g} of" if tolerance else "equal to"
        line = f"{_percent(total, self.pixels)} of the pixels have no colour {kind} one of the palette"
        worst = sorted(self.unmatched.items(), key=lambda entry: -entry[1][0] / entry[1][1])[:_WORST]
        files = _listed_shares((file, number / pixels) for file, (number, pixels) in worst)
        return line + (f"; most in {files}" if worst else "")

    def warnings(self) -> list[str]:
        """What looks wrong about ids."""
        if not self.smoothed:
            return []
        worst = sorted(self.smoothed.items(), key=lambda entry: -entry[1])[:_WORST]
        return [
            f"{counted(len(self.smoothed), 'label map')} of {self.maps} look smoothed: so many pixels at "
            f"borders hold ids between those of both sides ({_listed_shares(worst)}), which mean other "
            "classes. Resizing with a smooth filter does that, and JPEG: make them anew as PNG, resized with "
            "nearest neighbour"
        ]


def _percent(number: int, whole: int) -> str:
    share = number / whole
    return f"{share:.2%}" if share >= 5e-5 or not number else "less than 0.01%"


def _listed_shares(shares: Iterable[tuple[str, float]]) -> str:
    return listed(f"{file}: {share:.1%}" for file, share in shares)
