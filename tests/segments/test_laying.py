"""Order, overlaps, the layout of the pieces, and what is emptied."""

from __future__ import annotations

import numpy as np
import pytest

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layouts.classes import CITYSCAPES, names
from asap_lightning.segments.emptying import below, border_band, canvas_of, cleared, feet, some_of
from asap_lightning.segments.laying import NONE, Laid, in_order, lay
from asap_lightning.segments.pieces import Piece
from asap_lightning.segments.regions import region_of_mask
from banks import SPEC

STREET = ConditionSpec("label", num_classes=34, has_unknown=True, class_names=names(CITYSCAPES))
SIZE = (20, 30)


def piece(class_id: int, box: tuple[int, int, int, int], value: int) -> Piece:
    mask = np.ones((box[2] - box[0], box[3] - box[1]), np.bool_)
    region = region_of_mask(class_id, mask, box[:2], SIZE)
    assert region is not None
    return Piece(region, box[:2], mask, np.full((*mask.shape, 3), value, np.uint8))


def street(name: str) -> int:
    return STREET.class_names.index(name)


def test_larger_regions_lie_behind() -> None:
    small, large = piece(0, (0, 0, 2, 2), 1).region, piece(2, (0, 0, 9, 9), 2).region
    assert in_order([small, large], SPEC) == [large, small]


def test_the_classes_of_cityscapes_have_an_order_of_their_own() -> None:
    drawn = ("traffic light", "person", "car", "road", "building", "sky", "parking")
    regions = [piece(street(name), (0, 0, 2 + n, 9), 1).region for n, name in enumerate(drawn)]
    ordered = [STREET.class_names[one.class_id] for one in in_order(regions, STREET)]
    assert ordered == ["parking", "sky", "building", "road", "car", "person", "traffic light"]
    few = ConditionSpec("label", 4, class_names=("road", "sidewalk", "traffic light", "rider"))
    regions = [piece(n, (0, 0, 9 - n, 9), 1).region for n in range(4)]
    assert [one.class_id for one in in_order(regions, few)] == [1, 0, 3, 2]


def test_later_pieces_cover_earlier_ones_and_the_layout_is_theirs() -> None:
    label = np.full(SIZE, 3, np.uint8)
    laid = lay([piece(0, (0, 0, 10, 10), 100), piece(2, (5, 5, 15, 15), 200)], SIZE, label=label)
    assert laid.colours[4, 4, 0] == 100 and laid.colours[7, 7, 0] == 200 and laid.owner[19, 29] == NONE
    expected = label.copy()
    expected[0:10, 0:10], expected[5:15, 5:15] = 0, 2
    rewritten = laid.rewritten(label)
    np.testing.assert_array_equal(rewritten, expected)
    assert rewritten.dtype == label.dtype
    empty = lay([], SIZE, label=label)
    assert not empty.filled.any() and (empty.rewritten(label) == 3).all()


def test_the_order_network_settles_overlaps() -> None:
    label = np.zeros(SIZE, np.uint8)
    pieces = [piece(0, (0, 0, 10, 10), 100), piece(2, (5, 5, 15, 15), 200), piece(1, (8, 8, 9, 9), 50)]
    asked = []

    def front(first, second, layout):
        asked.append((first.region.class_id, second.region.class_id))
        assert layout is label
        return (first.region.class_id, second.region.class_id) == (0, 2)

    laid = lay(pieces, SIZE, label=label, front=front)
    assert asked == [(0, 2), (0, 1)]
    assert laid.colours[7, 7, 0] == 100 and laid.colours[12, 12, 0] == 200 and laid.colours[8, 8, 0] == 50


def slow_band(owner: np.ndarray, width: float) -> np.ndarray:
    points = np.argwhere(np.ones_like(owner, np.bool_))
    near = np.zeros(owner.shape, np.bool_)
    edge = np.zeros(owner.shape, np.bool_)
    for y, x in points:
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            inside = 0 <= y + dy < owner.shape[0] and 0 <= x + dx < owner.shape[1]
            edge[y, x] |= bool(inside and owner[y + dy, x + dx] != owner[y, x])
    for y, x in np.argwhere(edge):
        near |= ((points - (y, x)) ** 2).sum(1).reshape(owner.shape) ** 0.5 + 1 <= width
    return near & (owner != NONE)


@pytest.mark.parametrize("width", [0, 1, 2, 3])
def test_bands_are_where_a_walk_finds_them(width: int) -> None:
    owner = np.full(SIZE, NONE, np.int32)
    owner[3:18, 2:20], owner[6:10, 8:30] = 0, 1
    np.testing.assert_array_equal(border_band(owner, width), slow_band(owner, width))


def test_a_canvas_without_borders_has_no_band() -> None:
    assert not border_band(np.zeros(SIZE, np.int32), 5).any()
    assert not border_band(np.full(SIZE, NONE, np.int32), 5).any()


def test_some_of_a_mask_is_its_share_and_none_of_the_rest() -> None:
    mask = np.zeros((200, 200), np.bool_)
    mask[:, :100] = True
    drawn = some_of(mask, 0.5, np.random.default_rng(0))
    assert not drawn[:, 100:].any() and abs(drawn[:, :100].mean() - 0.5) < 0.02
    assert (some_of(mask, 1.0, np.random.default_rng(0)) == mask).all()
    assert not some_of(mask, 0.0, np.random.default_rng(0)).any()


def test_below_and_feet_look_in_their_direction_alone() -> None:
    mask = np.zeros((12, 5), np.bool_)
    mask[3:7, 1:3] = True
    expected = np.zeros_like(mask)
    expected[7:9, 1:3] = True
    np.testing.assert_array_equal(below(mask, 2), expected)
    expected[:] = False
    expected[5:7, 1:3] = True
    np.testing.assert_array_equal(feet(mask, 2), expected)
    mask[7:] = mask[6]  # down to the canvas's edge, where no foot is seen
    assert not feet(mask, 2).any()


def test_trees_shadows_and_feet_are_cleared_on_cityscapes_alone() -> None:
    pieces = [
        piece(street("road"), (0, 0, 20, 30), 1),
        piece(street("car"), (4, 2, 10, 8), 2),
        piece(street("person"), (4, 12, 10, 16), 3),
        piece(street("vegetation"), (0, 22, 20, 30), 4),
    ]
    laid = lay(pieces, SIZE, label=np.zeros(SIZE, np.uint8))
    expected = np.zeros(SIZE, np.bool_)
    expected[10:12, 2:8], expected[8:10, 12:16], expected[:, 20:24] = True, True, True
    np.testing.assert_array_equal(cleared(laid, STREET, 2), expected)
    assert not cleared(Laid(laid.colours, laid.owner, (0, 1, 2, 0)), SPEC, 2).any()


def test_emptied_pixels_are_white_and_not_filled() -> None:
    laid = lay([piece(0, (0, 0, 10, 10), 100)], SIZE, label=np.zeros(SIZE, np.uint8))
    mask = np.zeros(SIZE, np.bool_)
    mask[:5] = True
    canvas = canvas_of(laid, [mask])
    assert (canvas[:5] == (255, 255, 255, 0)).all() and (canvas[5:10, :10] == (100, 100, 100, 255)).all()
    assert (canvas[10:] == (255, 255, 255, 0)).all()
