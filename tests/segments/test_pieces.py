"""Segments brought to regions: in place, by their boxes, by an alignment network."""

from __future__ import annotations

import numpy as np
import pytest

from asap_lightning.segments.bank import Bank, Segment
from asap_lightning.segments.pieces import IDENTITY, Piece, box_to_box, laid, overlap_iou, warped
from asap_lightning.segments.reference import full_mask
from asap_lightning.segments.regions import Region, region_of_mask
from asap_lightning.segments.retrieval import region_iou


def rectangle(box: tuple[int, int, int, int], frame: tuple[int, int] = (48, 64)) -> Region:
    mask = np.ones((box[2] - box[0], box[3] - box[1]), np.bool_)
    region = region_of_mask(1, mask, box[:2], frame)
    assert region is not None
    return region


def segment_of(region: Region, seed: int = 0) -> Segment:
    colours = np.random.default_rng(seed).integers(1, 256, (*region.mask.shape, 3), dtype=np.uint8)
    return Segment(region, colours * region.mask[..., None], "train/x")


def on_canvas(piece: Piece, frame: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    mask, colours = np.zeros(frame, np.bool_), np.zeros((*frame, 3), np.uint8)
    mask[piece.window] = piece.mask
    colours[piece.window][piece.mask] = piece.colours[piece.mask]
    return mask, colours


def test_the_identity_leaves_every_pixel_in_its_place(bank: Bank) -> None:
    for number in range(0, len(bank), 5):
        segment = bank.segment(number)
        piece = warped(segment, segment.region, IDENTITY)
        assert piece is not None
        mask, colours = on_canvas(piece, bank.frame)
        np.testing.assert_array_equal(mask, full_mask(segment.region))
        np.testing.assert_array_equal(colours[segment.region.window], segment.colours)
        assert overlap_iou(piece, segment.region) == 1.0


def test_a_whole_shift_moves_pixels_as_they_are() -> None:
    segment = segment_of(rectangle((10, 12, 20, 30)))
    shift = IDENTITY.copy()
    shift[:, 2] = (4, -3)  # colours come from four pixels to the right, three above
    piece = warped(segment, segment.region, shift)
    assert piece is not None and piece.corner == (13, 8)
    np.testing.assert_array_equal(piece.colours, segment.colours)


def test_what_leaves_the_canvas_is_cut_off_or_nothing() -> None:
    segment = segment_of(rectangle((10, 12, 20, 30)))
    shift = IDENTITY.copy()
    shift[0, 2] = 20
    piece = warped(segment, segment.region, shift)
    assert piece is not None and piece.corner == (10, 0)
    np.testing.assert_array_equal(piece.colours, segment.colours[:, 8:])
    shift[0, 2] = 40
    assert warped(segment, segment.region, shift) is None


@pytest.mark.parametrize("affine", [np.zeros((2, 3)), np.full((2, 3), np.nan), np.full((2, 3), np.inf)])
def test_a_transform_that_cannot_be_undone_gives_nothing(affine: np.ndarray) -> None:
    segment = segment_of(rectangle((10, 12, 20, 30)))
    assert warped(segment, segment.region, affine) is None


def test_boxes_are_brought_onto_each_other() -> None:
    segment, region = segment_of(rectangle((10, 12, 20, 30))), rectangle((14, 8, 34, 44))
    piece = warped(segment, region, box_to_box(segment, region))
    assert piece is not None
    mask, _ = on_canvas(piece, region.frame)
    np.testing.assert_array_equal(mask, full_mask(region))


def test_colours_are_bilinear_within_the_mask_alone() -> None:
    region = rectangle((8, 8, 16, 16))
    ramp = np.repeat(np.arange(8, dtype=np.uint8)[None, :, None] * 20 + 10, 8, 0).repeat(3, 2)
    segment = Segment(region, ramp, "train/x")
    large = rectangle((8, 8, 16, 24))
    piece = warped(segment, large, box_to_box(segment, large))
    assert piece is not None
    inner = piece.colours[4, 1:-1, 0].astype(float)  # a pixel is half as wide as the segment's
    np.testing.assert_allclose(inner, 10 + 20 * ((np.arange(1, 15) + 0.5) / 2 - 0.5), atol=0.51)
    assert piece.colours[..., 0].min() == 10 and piece.colours[..., 0].max() == 150  # no black mixed in


@pytest.mark.parametrize("frame", [(96, 128), (24, 32), (48, 128)])
def test_a_canvas_of_another_size_gets_a_scaled_piece(frame: tuple[int, int]) -> None:
    segment = segment_of(rectangle((8, 16, 24, 48)))
    down, across = frame[0] / 48, frame[1] / 64
    region = rectangle((int(8 * down), int(16 * across), int(24 * down), int(48 * across)), frame)
    piece = laid(segment, region, scale_box=False)
    assert piece is not None and overlap_iou(piece, region) == 1.0


def test_a_fit_is_taken_only_where_the_overlap_grows() -> None:
    segment, region = segment_of(rectangle((10, 12, 20, 30))), rectangle((10, 12, 30, 48))
    in_place = laid(segment, region, scale_box=False)
    assert in_place is not None and overlap_iou(in_place, region) == region_iou(segment.region, region)
    scaled = laid(segment, region, scale_box=True)
    assert scaled is not None and overlap_iou(scaled, region) == 1.0
    triangle = region_of_mask(1, np.tri(20, dtype=np.bool_), (0, 0), (48, 64))
    assert triangle is not None
    same = laid(segment_of(triangle), triangle, scale_box=True)
    assert same is not None and overlap_iou(same, triangle) == 1.0


def test_the_alignment_network_is_asked_and_rejected_where_it_makes_it_worse() -> None:
    segment, region = segment_of(rectangle((10, 12, 20, 30))), rectangle((10, 20, 20, 38))
    label, asked = np.zeros((48, 64), np.uint8), []

    def align(one, mask, layout):
        asked.append((one, mask, layout))
        return np.array([[1, 0, move], [0, 1, 0]])

    move = -8
    piece = laid(segment, region, scale_box=False, align=align, label=label)
    assert piece is not None and piece.corner == (10, 20)
    assert asked[0][0] is segment and asked[0][2] is label
    np.testing.assert_array_equal(asked[0][1], full_mask(region))
    move = 8
    piece = laid(segment, region, scale_box=False, align=align, label=label)
    assert piece is not None and piece.corner == (10, 12)
