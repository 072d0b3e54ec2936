"""Connected regions against a walk from pixel to pixel."""

from __future__ import annotations

import numpy as np
import pytest

from asap_lightning.segments.reference import components, full_mask
from asap_lightning.segments.regions import joined_label, regions_of


@pytest.mark.parametrize("seed", range(4))
def test_regions_are_those_of_a_walk(seed: int) -> None:
    label = np.random.default_rng(seed).integers(0, 3, (14, 19), dtype=np.uint8)
    regions = regions_of(label, 3)
    for class_id in range(3):
        slow = {mask.tobytes() for mask in components(label, class_id)}
        fast = {full_mask(region).tobytes() for region in regions if region.class_id == class_id}
        assert fast == slow
    assert sum(region.area for region in regions) == label.size


def test_boxes_areas_and_frames_say_what_the_masks_are() -> None:
    label = np.zeros((10, 12), np.int32)
    label[2:5, 3:9] = 1
    label[5, 9] = 1  # touches by a corner
    (region,) = [one for one in regions_of(label, 2) if one.class_id == 1]
    assert (region.box, region.area, region.frame) == ((2, 3, 6, 10), 19, (10, 12))
    assert region.mask.sum() == 19 and region.mask[-1, -1]


def test_small_regions_and_the_unknown_class_are_left_out() -> None:
    label = np.full((8, 8), 2, np.uint8)  # two classes: 2 is 'unknown'
    label[0:2, 0:2], label[4:8, 4:8] = 1, 0
    assert [(one.class_id, one.area) for one in regions_of(label, 2, min_area=5)] == [(0, 16)]


def test_lines_are_left_out_where_a_thickness_is_asked_for() -> None:
    label = np.zeros((20, 20), np.uint8)
    label[2:18, 2:18], label[4:16, 4:16] = 1, 0  # a ring, two pixels wide
    label[8:11, 8:11] = 1
    for thickness, areas in ((1, [112, 9]), (2, [112, 9]), (3, [9]), (4, [])):
        found = regions_of(label, 2, min_thickness=thickness)
        assert sorted(one.area for one in found if one.class_id == 1) == sorted(areas), thickness


def test_a_joined_class_cuts_nothing_in_two_and_keeps_its_own_regions() -> None:
    label = np.zeros((9, 15), np.uint8)
    label[:, 7] = 1
    assert [one.area for one in regions_of(label, 2) if one.class_id == 0] == [63, 63]
    joined = regions_of(label, 2, join=(1,))
    assert [(one.class_id, one.area) for one in joined] == [(0, 135), (1, 9)]


def test_joined_pixels_take_the_nearest_class() -> None:
    label = np.array([[0, 2, 2, 2, 1, 1]], np.uint8).repeat(3, axis=0)
    assert joined_label(label, (2,))[0].tolist() in ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1])
    everything = np.full((3, 3), 2, np.uint8)
    assert (joined_label(everything, (2,)) == 2).all()


@pytest.mark.parametrize("size", [(10, 12), (20, 24), (5, 6), (7, 31)])
def test_a_region_in_another_frame_is_that_of_the_resized_layout(size: tuple[int, int]) -> None:
    from asap_lightning.data.resizing import resize_ids

    label = np.zeros((10, 12), np.uint8)
    label[2:7, 3:9] = 1
    (region,) = [one for one in regions_of(label, 2) if one.class_id == 1]
    moved = region.in_frame(*size)
    assert moved is not None and moved.frame == size
    np.testing.assert_array_equal(full_mask(moved), resize_ids(label, *size) == 1)


def test_a_region_may_vanish_in_a_smaller_frame() -> None:
    label = np.zeros((64, 64), np.uint8)
    label[5, 5] = 1
    (region,) = [one for one in regions_of(label, 2) if one.class_id == 1]
    assert region.in_frame(16, 16) is None
