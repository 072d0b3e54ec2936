"""Coverage bounds intersections; contexts and shapes by hand."""

from __future__ import annotations

import numpy as np
import pytest

from asap_lightning.segments.descriptors import (
    CELLS,
    FULL,
    GRID,
    context,
    context_iou,
    context_type,
    coverage,
    edges,
    largest_cell,
    shape,
    shape_iou,
)
from asap_lightning.segments.reference import full_mask
from asap_lightning.segments.regions import region_of_mask
from asap_lightning.segments.retrieval import shared_pixels


def random_region(seed: int, frame: tuple[int, int]):
    random = np.random.default_rng(seed)
    mask = random.random((random.integers(2, frame[0]), random.integers(2, frame[1]))) < 0.7
    corner = [int(random.integers(0, side - size + 1)) for side, size in zip(frame, mask.shape, strict=True)]
    region = region_of_mask(0, mask, (corner[0], corner[1]), frame)
    assert region is not None
    return region


@pytest.mark.parametrize("frame", [(16, 16), (32, 48), (37, 53), (64, 20)])
def test_coverage_counts_every_cell_and_rounds_up(frame: tuple[int, int]) -> None:
    region = random_region(1, frame)
    full, cells = full_mask(region), coverage(region).reshape(GRID, GRID)
    rows, columns = edges(frame[0]), edges(frame[1])
    for i in range(GRID):
        for j in range(GRID):
            count = int(full[rows[i] : rows[i + 1], columns[j] : columns[j + 1]].sum())
            assert cells[i, j] == int(np.ceil(count * FULL / largest_cell(frame)))


@pytest.mark.parametrize("seed", range(20))
def test_the_smaller_coverages_bound_the_intersection(seed: int) -> None:
    frame = (37, 53)
    one, other = random_region(seed, frame), random_region(seed + 100, frame)
    shared = int(np.count_nonzero(full_mask(one) & full_mask(other)))
    assert shared_pixels(one, other) == shared
    bound = np.minimum(coverage(one), coverage(other)).sum(dtype=np.int64) * largest_cell(frame) / FULL
    assert shared <= bound


def test_context_samples_the_enlarged_box() -> None:
    label = np.zeros((32, 32), np.uint8)
    label[8:24, 8:24] = 1
    dtype = context_type(2)
    around = context(label, (8, 8, 24, 24), dtype).reshape(GRID, GRID)  # looks at rows 6..25
    assert (around[[0, -1]] == 0).all() and (around[:, [0, -1]] == 0).all()
    assert (around[2:-2, 2:-2] == 1).all()
    corner = context(label, (0, 0, 16, 16), dtype).reshape(GRID, GRID)
    assert corner[0, 0] == np.iinfo(dtype).max and corner[-1, -1] == 1


def test_context_iou_sums_over_classes() -> None:
    one = np.zeros(CELLS, np.uint8)
    other = one.copy()
    other[: CELLS // 2] = 1
    assert context_iou(one, np.stack([one, other, other + 2])).tolist() == [1.0, 1 / 3, 0.0]
    wide = one.astype(context_type(300))
    assert context_iou(wide, np.stack([wide, other.astype(wide.dtype)])).tolist() == [1.0, 1 / 3]


def test_shapes_do_not_depend_on_place_and_size() -> None:
    mask = np.zeros((16, 16), np.bool_)
    mask[:8] = True
    large = mask.repeat(3, 0).repeat(2, 1)
    np.testing.assert_array_equal(shape(mask), shape(large))
    others = np.stack([shape(large), shape(~mask), shape(np.ones_like(mask)), np.zeros(32, np.uint8)])
    assert shape_iou(shape(mask), others).tolist() == [1.0, 0.0, 0.5, 0.0]
    assert shape_iou(np.zeros(32, np.uint8), np.zeros((1, 32), np.uint8)).tolist() == [0.0]
