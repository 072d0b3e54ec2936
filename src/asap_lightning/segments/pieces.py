"""Segments brought to the regions that they are to fill.

Axes: H, W of the layout. Coordinates are (x, y) in pixels, pixel centres at halves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asap_lightning.segments.bank import Segment
from asap_lightning.segments.opencv import cv2
from asap_lightning.segments.regions import Mask, Region

Affine = NDArray[np.float64]
"""(2, 3): (x', y') = A (x, y, 1)."""
Align = Callable[[Segment, Mask, NDArray], Affine]
"""What an alignment network is called with: a segment, the mask (H, W) of the region, the layout (H, W).

It returns where in the segment's image (scaled to the layout's size) the colour of a pixel comes from, both
in pixels about the centre of the layout: the identity leaves the segment in its place.
"""
IDENTITY: Affine = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
FARTHEST = 1e6
"""What no number of a transform that means something reaches."""
SOLID = 0.5
"""A pixel belongs to a warped piece where at least so much of it comes from within the mask."""


@dataclass(frozen=True)
class Piece:
    """A segment as it lies on a canvas.

    Attributes:
        region: of the layout, which it is to fill.
        corner: row and column of its upper left pixel.
        mask: (h, w) its pixels.
        colours: (h, w, 3) uint8.
    """

    region: Region
    corner: tuple[int, int]
    mask: Mask
    colours: NDArray[np.uint8]

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the canvas."""
        height, width = self.mask.shape
        return slice(self.corner[0], self.corner[0] + height), slice(self.corner[1], self.corner[1] + width)


def laid(
    segment: Segment,
    region: Region,
    *,
    scale_box: bool,
    align: Align | None = None,
    label: NDArray | None = None,
) -> Piece | None:
    """The piece that a segment becomes for a region.

    First the segment in its place; then, each taken only where the overlap (IoU) with the region grows: its
    box scaled to the region's, and what the alignment network says (SIMS, section 4).

    Args:
        segment: of a bank.
        region: of the layout, of any size.
        scale_box: whether the second is tried.
        align: the third.
        label: (H, W) the layout, for ``align``.

    Returns:
        None where the piece has no pixel on the canvas.
    """
    tried = [IDENTITY]
    if scale_box:
        tried.append(box_to_box(segment, region))
    if align is not None:
        assert label is not None
        mask = np.zeros(region.frame, np.bool_)
        mask[region.window] = region.mask
        tried.append(np.asarray(align(segment, mask, label), np.float64).reshape(2, 3))
    best, most = None, -1.0
    for affine in tried:
        piece = warped(segment, region, affine)
        overlap = -1.0 if piece is None else overlap_iou(piece, region)
        if piece is not None and overlap > most:
            best, most = piece, overlap
    return best


def box_to_box(segment: Segment, region: Region) -> Affine:
    """The transform that brings the segment's box to the region's."""
    height, width = region.frame
    down, across = height / segment.region.frame[0], width / segment.region.frame[1]
    top, left, bottom, right = region.box
    their_top, their_left, their_bottom, their_right = segment.region.box
    x = across * (their_right - their_left) / (right - left)
    y = down * (their_bottom - their_top) / (bottom - top)
    # From corner to corner, about the centre: x' + W/2 = left' + x_scale (x + W/2 - left).
    at_x = across * their_left - width / 2 + x * (width / 2 - left)
    at_y = down * their_top - height / 2 + y * (height / 2 - top)
    return np.array([[x, 0.0, at_x], [0.0, y, at_y]])


def warped(segment: Segment, region: Region, affine: Affine) -> Piece | None:
    """The segment under a transform, on a canvas of the layout's size, bilinear.

    Returns:
        None where nothing is left of it, or the transform cannot be undone.
    """
    if not (np.abs(affine) < FARTHEST).all():  # nor is what is no number
        return None
    source = _to_segment(segment, region.frame, affine)
    if abs(np.linalg.det(source[:, :2])) < 1e-9:
        return None
    window = _reach(source, segment.region.mask.shape, region.frame)
    if window is None:
        return None
    top, left, bottom, right = window
    if _is_shift(source):
        return _cut_out(segment, region, (round(source[1, 2]), round(source[0, 2])), window)
    # OpenCV's pixels lie at whole numbers: half a pixel there and back.
    at = source[:, :2] @ np.array([left + 0.5, top + 0.5]) + source[:, 2] - 0.5
    matrix = np.column_stack([source[:, :2], at])
    solid = segment.region.mask.astype(np.float32)[..., None]
    planes = np.concatenate([segment.colours * solid, solid], axis=2)
    made = cv2.warpAffine(
        planes, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    mask = made[..., 3] >= SOLID
    if not mask.any():
        return None
    mixed = np.clip(np.rint(made[..., :3] / np.maximum(made[..., 3:], 1e-6)), 0, 255)
    colours = np.where(mask[..., None], mixed, 0).astype(np.uint8)
    return Piece(region, (top, left), mask, colours)


def _to_segment(segment: Segment, frame: tuple[int, int], affine: Affine) -> Affine:
    """From the canvas to the segment's box: centre, transform, back, to the bank's size, to the box."""
    height, width = frame
    centre = np.array([width / 2, height / 2])
    scale = np.array([segment.region.frame[1] / width, segment.region.frame[0] / height])
    corner = np.array([segment.region.box[1], segment.region.box[0]])
    linear = scale[:, None] * affine[:, :2]
    shift = scale * (affine[:, 2] + centre - affine[:, :2] @ centre) - corner
    return np.column_stack([linear, shift])


def _reach(source: Affine, size: tuple[int, ...], frame: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """The part of the canvas that a segment's box may reach; None for none."""
    corners = np.array([[0, 0], [size[1], 0], [0, size[0]], [size[1], size[0]]], np.float64)
    there = np.linalg.solve(source[:, :2], (corners - source[:, 2]).T)
    low, high = np.floor(there.min(1)), np.ceil(there.max(1))
    left, top = (int(max(0, side)) for side in np.minimum(low, 2**31))
    right = int(min(frame[1], max(high[0], 0)))
    bottom = int(min(frame[0], max(high[1], 0)))
    return (top, left, bottom, right) if top < bottom and left < right else None


def _is_shift(source: Affine) -> bool:
    """Whether pixels come to lie on pixels, so that nothing needs to be interpolated."""
    whole = np.abs(source[:, 2] - np.rint(source[:, 2])).max() < 1e-6
    return bool(whole and np.abs(source[:, :2] - np.eye(2)).max() < 1e-9)


def _cut_out(
    segment: Segment, region: Region, at: tuple[int, int], window: tuple[int, int, int, int]
) -> Piece | None:
    """The segment's own pixels; ``at`` is what is added to rows and columns of the canvas."""
    top, left, bottom, right = window
    rows, columns = slice(top + at[0], bottom + at[0]), slice(left + at[1], right + at[1])
    mask = segment.region.mask[rows, columns]
    if not mask.any():
        return None
    return Piece(region, (top, left), mask, segment.colours[rows, columns])


def overlap_iou(piece: Piece, region: Region) -> float:
    """IoU of a piece and a region of the same frame."""
    top, left = max(piece.corner[0], region.box[0]), max(piece.corner[1], region.box[1])
    bottom = min(piece.corner[0] + piece.mask.shape[0], region.box[2])
    right = min(piece.corner[1] + piece.mask.shape[1], region.box[3])
    both = 0
    if top < bottom and left < right:
        cuts = (
            mask[top - y : bottom - y, left - x : right - x]
            for mask, (y, x) in ((piece.mask, piece.corner), (region.mask, region.box[:2]))
        )
        one, other = cuts
        both = int(np.count_nonzero(one & other))
    return both / (int(np.count_nonzero(piece.mask)) + region.area - both)
