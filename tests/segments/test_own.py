"""Training canvases: cut, recoloured, never by the image itself."""

from __future__ import annotations

import numpy as np
import pytest

from asap_lightning.segments.bank import Bank
from asap_lightning.segments.descriptors import shape, shape_iou
from asap_lightning.segments.own import draw, own_piece, recolour, resized_mask
from asap_lightning.segments.regions import regions_of
from banks import draw_label, draw_photo


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_pieces_are_the_photo_cut_by_the_best_mask_drawn(bank: Bank) -> None:
    label, photo = draw_label(70), draw_photo(70)
    for region in regions_of(label, 4, min_area=12):
        piece = own_piece(region, photo, bank, generator(3), masks=20, recoloured=0.0)
        assert piece is not None and piece.corner == region.box[:2]
        drawn = draw(bank, region.class_id, 20, generator(3), ())
        fits = [float(shape_iou(shape(region.mask), shape(bank.mask(int(n)))[None])[0]) for n in drawn]
        best = bank.mask(int(drawn[int(np.argmax(fits))]))
        np.testing.assert_array_equal(piece.mask, region.mask & resized_mask(best, region.mask.shape))
        np.testing.assert_array_equal(piece.colours, photo[region.window])


def test_more_masks_cut_less(bank: Bank) -> None:
    label, photo = draw_label(71), draw_photo(71)
    kept = {}
    for masks in (1, 100):
        pieces = [
            own_piece(region, photo, bank, generator(seed), masks=masks, recoloured=0.0)
            for seed in range(5)
            for region in regions_of(label, 4, min_area=12)
        ]
        kept[masks] = sum(0 if one is None else int(one.mask.sum()) for one in pieces)
    assert kept[1] < kept[100]


def test_the_image_itself_is_not_drawn_from(bank: Bank) -> None:
    drawn = draw(bank, 1, 500, generator(), [5, 7])
    assert 0 < len(drawn) < 500
    assert not np.isin(bank.table["image"][drawn], [5, 7]).any()
    assert set(bank.table["class_id"][drawn]) == {1}


def test_a_class_without_other_segments_leaves_the_region_empty(bank: Bank) -> None:
    photo = draw_photo(0)
    (car,) = regions_of(np.full((48, 64), 3, np.uint8), 4)
    assert own_piece(car, photo, bank, generator(), masks=10, recoloured=1.0) is None
    region = regions_of(draw_label(0), 4)[0]
    everything = range(len(bank.images))
    assert own_piece(region, photo, bank, generator(), masks=10, recoloured=1.0, exclude=everything) is None


def test_recolouring_takes_mean_and_spread() -> None:
    random = np.random.default_rng(0)
    colours = random.integers(90, 130, (20, 20, 3), dtype=np.uint8)
    mask = np.tri(20, dtype=np.bool_)
    pixels = (random.integers(0, 40, (900, 1)) + np.array([[150, 110, 90]])).astype(np.uint8)
    changed = recolour(colours, mask, pixels)
    np.testing.assert_allclose(changed[mask].mean(0), pixels.mean(0), atol=4)
    same = recolour(colours, mask, colours[mask])
    assert np.abs(same[mask].astype(int) - colours[mask]).max() <= 1
    flat = recolour(np.full((4, 4, 3), 100, np.uint8), np.ones((4, 4), np.bool_), pixels)
    assert np.isfinite(flat).all() and len(np.unique(flat.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (1.0, 40), (0.2, 8)])
def test_the_share_of_recoloured_pieces(bank: Bank, share: float, expected: int) -> None:
    photo = np.full((48, 64, 3), 100, np.uint8)
    region = regions_of(draw_label(0), 4)[0]
    changed = 0
    for seed in range(40):
        piece = own_piece(region, photo, bank, generator(seed), masks=5, recoloured=share)
        assert piece is not None
        changed += bool((piece.colours[piece.mask] != 100).any())
    assert abs(changed - expected) <= (5 if 0 < share < 1 else 0)


def test_masks_are_resized_at_pixel_centres() -> None:
    mask = np.array([[True, False], [False, True]])
    np.testing.assert_array_equal(resized_mask(mask, (4, 4)), mask.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(resized_mask(resized_mask(mask, (6, 10)), (2, 2)), mask)
