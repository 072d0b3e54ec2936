"""Segments of a data set's own pairs, as what the networks of pieces are fitted to.

Axes: H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.layout import Layout, Split
from asap_lightning.data.resizing import resize
from asap_lightning.data.sample import Sample
from asap_lightning.segments.opencv import cv2
from asap_lightning.segments.regions import Region
from asap_lightning.training.sims.alignment import AlignmentExample
from asap_lightning.training.sims.order import OrderExample, in_front

Cut = Callable[[NDArray], Sequence[Region]]
Truth = Literal["depth", "outlines"]
TRUTHS: tuple[Truth, ...] = get_args(Truth)
REACH = 5
"""Pixels within which segments touch."""
AN_IMAGE = 8
"""Examples that an image gives on a pass, so that a batch is not of one image."""


class Pairs(Protocol):
    """Samples with photos, by number."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Sample: ...


class FramedPairs:
    """The pairs of a split, brought to the bank's size as they were when it was cut.

    Args:
        layout: a data set of label maps with photos.
        split: of it.
        frame: height and width.
        limit: only the first pairs.
    """

    def __init__(
        self, layout: Layout, split: Split, frame: tuple[int, int], limit: int | None = None
    ) -> None:
        self.layout, self.frame = layout, frame
        self.items = layout.items(split)[:limit]
        self._by_name = {item.name: item for item in self.items}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Sample:
        sample = self.layout.read(self.items[index])
        return sample.map(lambda name, array: resize(name, array, *self.frame))

    def disparity(self, sample: Sample) -> NDArray[np.float32] | None:
        """Of a sample, at the frame's size by the nearest pixel; None where the data set has none of it."""
        found = self.layout.disparity(self._by_name[sample.name])
        if found is None:
            return None
        rows, columns = (
            ((np.arange(new) + 0.5) * old / new).astype(np.int64)
            for new, old in zip(self.frame, found.shape, strict=True)
        )
        return found[np.ix_(rows, columns)]

    @property
    def has_depth(self) -> bool:
        """Whether the data set has disparities of its first pair."""
        return bool(self.items) and self.layout.disparity(self.items[0]) is not None


class OwnSegments:
    """The segments of a data set's pairs as examples for `fit_alignment`, others on every pass.

    Args:
        pairs: with photos; transformed to the size of the canvases.
        regions: cuts a layout: `Canvases.regions`, so that examples are like the pieces.
        seed: decides order and choice.
        most: segments of an image on a pass.
    """

    def __init__(self, pairs: Pairs, regions: Cut, seed: int = 0, *, most: int = AN_IMAGE) -> None:
        self.pairs, self.regions, self.most = pairs, regions, most
        self._random = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[AlignmentExample]:
        for index in self._random.permutation(len(self.pairs)):
            sample = self.pairs[int(index)]
            if sample.label is None or sample.photo is None:
                raise ValueError(f"'{sample.name}' has no label map or no photo")
            found = self.regions(sample.label)
            for number in self._random.permutation(len(found))[: self.most]:
                yield AlignmentExample(sample.photo, sample.label, whole(found[int(number)]))


class TouchingSegments:
    """Pairs of segments that touch, of different classes, as examples for `fit_order`.

    Args:
        pairs: with label maps; transformed to the size of the canvases.
        regions: cuts a layout.
        truth: ``depth``: the one of the larger disparity near the common border, see `in_front`;
            ``outlines``: the one that lies more within the other's outline, see `enclosed`, where there is no
            depth.
        disparity: (H, W) of a sample, larger where nearer, not finite where unknown; None where a sample has
            none.
        ground: classes that always lie behind others.
        seed, most: as of `OwnSegments`.
    """

    def __init__(
        self,
        pairs: Pairs,
        regions: Cut,
        truth: Truth,
        *,
        disparity: Callable[[Sample], NDArray[np.floating] | None] = lambda sample: None,
        ground: Sequence[int] = (),
        seed: int = 0,
        most: int = AN_IMAGE,
    ) -> None:
        self.pairs, self.regions, self.truth, self.disparity = pairs, regions, truth, disparity
        self.ground, self.most = tuple(ground), most
        self._random = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[OrderExample]:
        for index in self._random.permutation(len(self.pairs)):
            sample = self.pairs[int(index)]
            assert sample.label is not None
            depth = self.disparity(sample) if self.truth == "depth" else None
            if self.truth == "depth" and depth is None:
                continue
            found = self.regions(sample.label)
            given = 0
            for one, other in self._random.permutation(touching(found, sample.label.shape)):
                if given == self.most:
                    break
                example = self._example(sample.label, found[int(one)], found[int(other)], depth)
                if example is not None:
                    given += 1
                    yield example

    def _example(
        self, label: NDArray, one: Region, other: Region, depth: NDArray[np.floating] | None
    ) -> OrderExample | None:
        if self._random.random() < 0.5:
            one, other = other, one
        first, second = whole(one), whole(other)
        classes = (one.class_id, other.class_id)
        if depth is None:
            front = enclosed(one, other)
        else:
            front = in_front(first, second, depth, classes, ground=self.ground, reach=REACH)
        return None if front is None else OrderExample(label, first, second, classes, front)


def whole(region: Region) -> NDArray[np.bool_]:
    """A region's mask in its frame, (H, W)."""
    mask = np.zeros(region.frame, np.bool_)
    mask[region.window] = region.mask
    return mask


def touching(regions: Sequence[Region], size: tuple[int, ...]) -> NDArray[np.int64]:
    """(N, 2) the numbers of regions of different classes that come as near as `REACH` pixels."""
    owner = np.full(size, -1, np.int64)
    for number, region in enumerate(regions):
        owner[region.window][region.mask] = number
    around = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    found = set()
    for number, region in enumerate(regions):
        top, left, bottom, right = region.box
        rows, columns = slice(max(0, top - REACH), bottom + REACH), slice(max(0, left - REACH), right + REACH)
        near = cv2.dilate((owner[rows, columns] == number).astype(np.uint8), around, borderValue=0)
        for other in np.unique(owner[rows, columns][near > 0]):
            if other > number and regions[other].class_id != region.class_id:
                found.add((number, int(other)))
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def enclosed(one: Region, other: Region) -> int | None:
    """The class in front by outlines alone: of the region that lies more within the other's convex hull.

    What is in front keeps its own outline and cuts into that of what is behind. None where both lie in each
    other as much.
    """
    within = [_share_within(one, other), _share_within(other, one)]
    if within[0] == within[1]:
        return None
    return one.class_id if within[0] > within[1] else other.class_id


def _share_within(inner: Region, outer: Region) -> float:
    """Share of a region's pixels within another's convex hull."""
    points = np.argwhere(outer.mask)[:, ::-1] + [outer.box[1], outer.box[0]]
    hull = np.zeros(outer.frame, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points.astype(np.int32)), 1)
    return float(np.count_nonzero(hull[inner.window][inner.mask])) / inner.area
