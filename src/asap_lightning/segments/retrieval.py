"""The segments of a bank that fit a region best, found without looking at all of them.

score = IoU(mask, region) + context_weight * IoU(context, context of the region)

over the segments of the region's class, masks in place (SIMS, section 4). The search is exact: it gives what
`reference.scan` gives. Bounds from above, each dearer and tighter than the one before, decide who is looked
at: areas and boxes; then the coverage of the frame's cells; at last the masks themselves.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.segments.bank import Bank
from asap_lightning.segments.descriptors import (
    FULL,
    context,
    context_iou,
    coverage,
    largest_cell,
)
from asap_lightning.segments.regions import Region

FIRST, AT_ONCE = 128, 8192
"""Segments whose coverage is looked at first, and at a time after that."""


@dataclass(frozen=True)
class Match:
    """A segment that was found.

    Attributes:
        number: of the segment in the bank.
        score: what was searched for the greatest of.
        iou: of the masks in place.
        context: IoU of the contexts; None where it was not asked for.
    """

    number: int
    score: float
    iou: float
    context: float | None = None


@dataclass(frozen=True)
class _Class:
    """What the first bound needs of a class's segments: float64 columns (N,)."""

    first: int
    area: NDArray[np.float64]
    top: NDArray[np.float64]
    left: NDArray[np.float64]
    bottom: NDArray[np.float64]
    right: NDArray[np.float64]


class Retriever:
    """Searches a bank.

    Args:
        bank: the bank.
        context_weight: of the context's IoU in the score; 0 leaves it out, the paper's is 1.
    """

    def __init__(self, bank: Bank, context_weight: float = 0.0) -> None:
        if not 0 <= context_weight < np.inf:
            raise ValueError(f"the context's weight is a number from 0 on, got {context_weight}")
        self.bank, self.context_weight = bank, context_weight
        self._classes: dict[int, _Class] = {}

    def best(
        self,
        region: Region,
        label: NDArray | None = None,
        *,
        count: int = 1,
        exclude: Collection[str] = (),
    ) -> list[Match]:
        """The best segments for a region, the best first; of equal ones that of the smaller number.

        Args:
            region: of a layout; one of another size is brought to the bank's frame.
            label: the layout (H, W), for its context; needed where that has a weight.
            count: how many; fewer where the class has fewer.
            exclude: names of images whose segments are left out (an image must not find itself).
        """
        height, width = self.bank.frame
        placed = region.in_frame(height, width)
        if placed is None or not len(self.bank.of_class(region.class_id)):
            return []
        around = None
        if self.context_weight:
            if label is None:
                raise ValueError("a score with context needs the layout")
            around = context(label, region.box, self.bank.context.dtype)
        search = _Search(self, placed, around, count)
        return search.run(self.bank.numbers_of(exclude))

    def columns(self, class_id: int) -> _Class:
        """The class's columns, copied out of the table once."""
        if class_id not in self._classes:
            numbers = self.bank.of_class(class_id)
            rows = self.bank.table[numbers.start : numbers.stop]
            sides = (rows[name].astype(np.float64) for name in ("area", "top", "left", "bottom", "right"))
            self._classes[class_id] = _Class(numbers.start, *sides)
        return self._classes[class_id]


class _Search:
    """One search; ``found`` are the best so far."""

    def __init__(self, retriever: Retriever, region: Region, around: NDArray[Any] | None, count: int) -> None:
        self.bank, self.weight = retriever.bank, retriever.context_weight
        self.region, self.around, self.count = region, around, count
        self.columns = retriever.columns(region.class_id)
        self.cells, self.cell = coverage(region), largest_cell(region.frame)
        self.found: list[Match] = []

    @property
    def least(self) -> float:
        """The score that a segment must reach to be among the best."""
        return self.found[-1].score if len(self.found) == self.count else -1.0

    def run(self, excluded_images: list[int]) -> list[Match]:
        bounds = self._by_boxes()
        if excluded_images:
            numbers = self.bank.of_class(self.region.class_id)
            images = self.bank.table["image"][numbers.start : numbers.stop]
            bounds[np.isin(images, excluded_images)] = -2.0
        many = max(FIRST, self.count)
        open_ = np.ones(len(bounds), np.bool_)
        if len(bounds) > many:
            first = np.argpartition(bounds, -many)[-many:]
            self._look(np.sort(first[bounds[first] >= 0]))
            open_[first] = False
        rest = np.flatnonzero(open_ & (bounds >= max(self.least, 0.0)))
        for begin in range(0, len(rest), AT_ONCE):
            some = rest[begin : begin + AT_ONCE]
            self._look(some[bounds[some] >= max(self.least, 0.0)])
        return self.found

    def _by_boxes(self) -> NDArray[np.float64]:
        """(N,) bounds: no two masks share more than their boxes do, or than the smaller one has."""
        top, left, bottom, right = self.region.box
        of = self.columns
        down = np.minimum(of.bottom, bottom) - np.maximum(of.top, top)
        across = np.minimum(of.right, right) - np.maximum(of.left, left)
        both = np.maximum(down, 0) * np.maximum(across, 0)
        both = np.minimum(np.minimum(both, of.area), self.region.area)
        return both / (of.area + self.region.area - both) + self.weight

    def _look(self, some: NDArray[np.int64]) -> None:
        """Looks at segments of the class, by their place in it, in order of their second bound."""
        if not len(some):
            return
        numbers = some + self.columns.first
        shared = np.minimum(self.bank.coverage[numbers], self.cells).sum(-1, dtype=np.uint32)
        areas = self.columns.area[some]
        both = np.minimum(shared.astype(np.float64) * self.cell / FULL, np.minimum(areas, self.region.area))
        bounds = both / (areas + self.region.area - both)
        around = None
        if self.around is not None:
            around = context_iou(self.around, self.bank.context[numbers])
            bounds += self.weight * around
        good = np.flatnonzero(bounds >= self.least)
        for place in good[np.argsort(-bounds[good], kind="stable")]:
            if bounds[place] < self.least:
                break
            self._meet(int(numbers[place]), None if around is None else float(around[place]))

    def _meet(self, number: int, around: float | None) -> None:
        iou = region_iou(self.region, self.bank.region(number))
        score = iou if around is None else iou + self.weight * around
        match = Match(number, score, iou, around)
        self.found = sorted([*self.found, match], key=lambda one: (-one.score, one.number))[: self.count]


def region_iou(one: Region, other: Region) -> float:
    """IoU of two regions of one frame, in place: pixels of both / pixels of either."""
    both = shared_pixels(one, other)
    return both / (one.area + other.area - both)


def shared_pixels(one: Region, other: Region) -> int:
    """Pixels that two regions of one frame have in common."""
    top, left = max(one.box[0], other.box[0]), max(one.box[1], other.box[1])
    bottom, right = min(one.box[2], other.box[2]), min(one.box[3], other.box[3])
    if top >= bottom or left >= right:
        return 0
    one_cut, other_cut = (
        region.mask[top - at[0] : bottom - at[0], left - at[1] : right - at[1]]
        for region, at in ((one, one.box), (other, other.box))
    )
    return int(np.count_nonzero(one_cut & other_cut))
