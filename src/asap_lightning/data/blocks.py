"""An order for training pairs that lie in a few large files, which are costly to open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Blocks:
    """Runs of neighbouring pairs that are cheap to read together: the shards of a split.

    Attributes:
        sizes: pairs of each run, in the order of the pairs.
        window: runs whose pairs are mixed with each other. An epoch reads ``window`` runs at a time and
            never comes back to them, so this is what a cache has to hold.
    """

    sizes: tuple[int, ...]
    window: int

    def permutation(self, random: np.random.Generator) -> NDArray[np.int64]:
        """All pairs: the runs in random order, the pairs of each ``window`` of them mixed."""
        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        runs = random.permutation(len(self.sizes))
        mixed = []
        for first in range(0, len(runs), self.window):
            pairs = [np.arange(starts[run], starts[run + 1]) for run in runs[first : first + self.window]]
            mixed.append(random.permutation(np.concatenate(pairs)))
        return np.concatenate(mixed) if mixed else np.arange(0)

    def limited(self, count: int) -> Blocks:
        """The same for the first ``count`` pairs alone."""
        ends = np.minimum(np.cumsum(self.sizes), count)
        sizes = np.diff(ends, prepend=0)
        return Blocks(tuple(int(size) for size in sizes if size), self.window)
