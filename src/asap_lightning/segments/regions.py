"""Connected regions of one class in a layout.

Axes: H height, W width of the layout; h, w of a region's box.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asap_lightning.segments.opencv import cv2

Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]
"""Top, left, bottom, right; bottom and right are the first row and column outside."""

NEIGHBOURS = 8


@dataclass(frozen=True)
class Region:
    """A connected region of one class.

    Attributes:
        class_id: of its pixels.
        box: the smallest that holds it.
        mask: (h, w) bool, which pixels of the box belong to it.
        area: pixels.
        frame: height and width of the layout that it lies in.
    """

    class_id: int
    box: Box
    mask: Mask
    area: int
    frame: tuple[int, int]

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the box."""
        top, left, bottom, right = self.box
        return slice(top, bottom), slice(left, right)

    def in_frame(self, height: int, width: int) -> Region | None:
        """The region as a layout of another size has it: nearest neighbour at pixel centres.

        Returns:
            None where no pixel is left.
        """
        if (height, width) == self.frame:
            return self
        rows = (np.arange(height) + 0.5) * self.frame[0] / height
        columns = (np.arange(width) + 0.5) * self.frame[1] / width
        top, left, bottom, right = self.box
        down = np.flatnonzero((rows >= top) & (rows < bottom))
        across = np.flatnonzero((columns >= left) & (columns < right))
        if not len(down) or not len(across):
            return None
        mask = self.mask[np.ix_(rows[down].astype(np.int64) - top, columns[across].astype(np.int64) - left)]
        return region_of_mask(self.class_id, mask, (int(down[0]), int(across[0])), (height, width))


def region_of_mask(
    class_id: int, mask: Mask, corner: tuple[int, int], frame: tuple[int, int]
) -> Region | None:
    """The region of a mask whose upper left pixel lies at ``corner``; None where the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    top, left = corner[0] + int(rows[0]), corner[1] + int(columns[0])
    box = (top, left, top + cut.shape[0], left + cut.shape[1])
    return Region(class_id, box, np.ascontiguousarray(cut), int(np.count_nonzero(cut)), frame)


def regions_of(
    label: NDArray,
    num_classes: int,
    *,
    min_area: int = 1,
    min_thickness: int = 1,
    join: Collection[int] = (),
) -> list[Region]:
    """The connected regions of every class, by class and then from top to bottom.

    Pixels that touch by a corner are connected (8 neighbours).

    Args:
        label: (H, W) class ids. Ids from ``num_classes`` on are no class: 'unknown' has no segments.
        num_classes: of the data set.
        min_area: pixels of the smallest region that counts.
        min_thickness: a square of so many pixels a side must fit into a region that counts. In layouts read
            from JPEG files, blends of two classes' colours form lines of a third class.
        join: classes whose pixels count as those of the class nearest to them before the other classes'
            regions are found, so that a pole does not cut a building in two (SIMS on Cityscapes). Their own
            regions are found as of any other class.
    """
    found: list[Region] = []
    joined = joined_label(label, join)
    for class_id in np.unique(label):
        if not 0 <= class_id < num_classes:
            continue
        source = label if int(class_id) in join else joined
        found += _of_class(source, int(class_id), min_area)
    if min_thickness < 2:
        return found
    return [region for region in found if is_thick(region.mask, min_thickness)]


def is_thick(mask: Mask, side: int) -> bool:
    """Whether a square of ``side`` pixels fits into a mask."""
    if min(mask.shape) < side:
        return False
    left = cv2.erode(mask.astype(np.uint8), np.ones((side, side), np.uint8), borderValue=0)
    return bool(left.any())


def _of_class(label: NDArray, class_id: int, min_area: int) -> list[Region]:
    own = (label == class_id).astype(np.uint8)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(own, connectivity=NEIGHBOURS, ltype=cv2.CV_32S)
    frame = (int(label.shape[0]), int(label.shape[1]))
    regions = []
    for number, (left, top, width, height, area) in enumerate(stats.tolist()):
        if number == 0 or area < min_area:  # 0 is all that is not of the class
            continue
        box = (top, left, top + height, left + width)
        mask = numbers[top : top + height, left : left + width] == number
        regions.append(Region(class_id, box, mask, area, frame))
    return regions


def joined_label(label: NDArray, join: Collection[int]) -> NDArray:
    """The layout with every pixel of ``join``'s classes given to the class of the nearest other pixel.

    Nearest by OpenCV's 5 x 5 distance, which is within 2 % of the Euclidean one. A layout of nothing else
    stays as it is.
    """
    inside = np.isin(label, list(join))
    if not join or not inside.any() or inside.all():
        return label
    _, nearest = cv2.distanceTransformWithLabels(
        inside.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    ids = np.zeros(int(nearest.max()) + 1, label.dtype)
    ids[nearest[~inside]] = label[~inside]
    return ids[nearest]
