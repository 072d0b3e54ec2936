"""Canvases of layouts and of samples: deterministic, without the image's own segments."""

from __future__ import annotations

import logging
import pickle
from dataclasses import replace

import numpy as np
import pytest

from asap_lightning.composing.settings import canvases_of
from asap_lightning.data.sample import Sample
from asap_lightning.data.transforms import pad_to_multiple
from asap_lightning.errors import UserError
from asap_lightning.segments import Bank, Canvases, CanvasOptions, retrieve_canvas
from asap_lightning.segments import canvases as module
from asap_lightning.segments.regions import regions_of
from banks import FRAME, SPEC, draw_label, draw_photo

PLAIN = CanvasOptions(band=0.0, own_band=0.0, recoloured=0.0)


def sample(seed: int = 5) -> Sample:
    return Sample(str(seed), label=draw_label(seed), photo=draw_photo(seed))


def test_an_image_that_is_in_the_bank_comes_back_unless_it_is_excluded(bank: Bank) -> None:
    label, photo = draw_label(5), draw_photo(5)
    canvas, layout = retrieve_canvas(bank, label, options=PLAIN)
    filled = canvas[..., 3] > 0
    assert canvas.dtype == np.uint8 and canvas.shape == (*FRAME, 4) and layout is label
    np.testing.assert_array_equal(canvas[filled][:, :3], photo[filled])
    assert set(np.unique(label[~filled])) <= {1, 2, 4} and filled.mean() > 0.8
    other, _ = retrieve_canvas(bank, label, options=PLAIN, exclude=["train/5"])
    both = filled & (other[..., 3] > 0)
    assert both.any() and (other[both] != canvas[both]).any(1).mean() > 0.95


def test_validation_and_retrieving_training_leave_out_the_own_image(bank: Bank) -> None:
    for canvases, training in (
        (Canvases(bank, options=PLAIN), False),
        (Canvases(bank, "retrieved", PLAIN), True),
    ):
        made = canvases.maker("train", training=training)(sample(), (0, 0, 5))
        expected, _ = retrieve_canvas(bank, draw_label(5), options=PLAIN, exclude=["train/5"])
        np.testing.assert_array_equal(made.canvas, expected)
        elsewhere = canvases.maker("val", training=training)(
            sample(), (0, 0, 5)
        )  # another image of this name
        own, _ = retrieve_canvas(bank, draw_label(5), options=PLAIN)
        np.testing.assert_array_equal(elsewhere.canvas, own)


def test_training_canvases_show_the_photo_itself(bank: Bank) -> None:
    made = Canvases(bank, options=PLAIN).maker("train", training=True)(sample(), (0, 0, 5))
    assert made.canvas is not None and made.photo is not None
    filled = made.canvas[..., 3] > 0
    np.testing.assert_array_equal(made.canvas[filled][:, :3], made.photo[filled])
    assert 0.3 < filled.mean() < 1.0


@pytest.mark.parametrize("training", ["own", "retrieved"])
def test_a_canvas_is_a_pure_function_of_the_seed(bank: Bank, training: str) -> None:
    canvases = Canvases(bank, training)  # type: ignore[arg-type]
    add = canvases.maker("train", training=True)
    first = add(sample(), (1, 2, 3)).canvas
    add(sample(6), (1, 2, 4))
    again = pickle.loads(pickle.dumps(canvases)).maker("train", training=True)(sample(), (1, 2, 3)).canvas
    np.testing.assert_array_equal(first, again)
    others = [add(sample(), seed).canvas for seed in ((1, 3, 3), (2, 2, 3), (1, 2, 4))]
    assert all((first != other).any() for other in others)


def test_half_of_the_band_is_emptied(bank: Bank) -> None:
    label = draw_label(5)
    whole, _ = retrieve_canvas(bank, label, options=PLAIN)
    half, _ = retrieve_canvas(bank, label, options=replace(PLAIN, band=0.1))
    wholly, _ = retrieve_canvas(bank, label, options=replace(PLAIN, band=0.1, emptied=1.0))
    band = (whole[..., 3] > 0) & (wholly[..., 3] == 0)
    assert abs((half[..., 3][band] == 0).mean() - 0.5) < 0.06
    np.testing.assert_array_equal(half[~band], whole[~band])


def test_padding_is_not_searched_for(bank: Bank) -> None:
    cut = sample().map(lambda _, array: array[:45, :60])
    padded = pad_to_multiple(cut, 16)
    assert padded.size == (48, 64) and padded.valid == (45, 60)
    add = Canvases(bank, options=PLAIN).maker("val", training=False)
    made, expected = add(padded, (0, 0, 0)).canvas, add(cut, (0, 0, 0)).canvas
    assert made is not None and expected is not None
    np.testing.assert_array_equal(made[:45, :60], expected)
    np.testing.assert_array_equal(made[45:, :60], np.repeat(expected[-1:], 3, axis=0))


@pytest.mark.parametrize("size", [(96, 128), (31, 80)])
def test_layouts_of_another_size_get_scaled_pieces(bank: Bank, size: tuple[int, int]) -> None:
    from asap_lightning.data.resizing import resize_ids

    label = resize_ids(draw_label(5), *size)
    canvas, _ = retrieve_canvas(bank, label, options=PLAIN)
    assert canvas.shape == (*size, 4) and (canvas[..., 3] > 0).mean() > 0.8


def test_the_layout_may_become_that_of_the_pieces(bank: Bank) -> None:
    label = draw_label(60)
    options = replace(PLAIN, rewrite=True, fit="place")
    canvas, layout = retrieve_canvas(bank, label, options=options)
    empty = canvas[..., 3] == 0
    np.testing.assert_array_equal(layout[empty], label[empty])
    assert layout.dtype == label.dtype and (layout != label).any()
    made = Canvases(bank, options=options).maker("val", training=False)(sample(60), (0, 0, 0))
    np.testing.assert_array_equal(made.label, layout)


def test_classes_that_the_bank_lacks_stay_empty_and_are_told_once(bank: Bank, caplog) -> None:
    label = np.full(FRAME, 3, np.uint8)
    canvases = Canvases(bank, options=PLAIN)
    with caplog.at_level(logging.WARNING):
        canvas, _ = canvases(label)
        canvases(label)
        canvases.own(label, draw_photo(0))
    assert not canvas[..., 3].any()
    assert [record.getMessage() for record in caplog.records] == [
        f"{bank.folder} has no segment of car: such regions stay empty on canvases"
    ]


def test_small_regions_and_the_unknown_get_no_piece(bank: Bank) -> None:
    label = np.full(FRAME, 4, np.uint8)
    label[10:14, 10:14], label[20:40, 20:40] = 1, 2
    found = Canvases(bank, options=replace(PLAIN, min_area=17)).regions(label)
    assert [(one.class_id, one.area) for one in found] == [(2, 400)]
    large = np.repeat(np.repeat(label, 2, 0), 2, 1)
    found = Canvases(bank, options=replace(PLAIN, min_area=17)).regions(large)
    assert [(one.class_id, one.area) for one in found] == [(2, 1600)], "pixels are those of the bank's frame"


def test_settings_make_canvases(bank: Bank) -> None:
    assert canvases_of({"bank": None, "canvas": "own"}) is None and canvases_of({}) is None
    made = canvases_of({"bank": str(bank.folder), "canvas": None, "canvas_options": {"context": 1}})
    assert made is not None and made.training == "own" and made.retriever.context_weight == 1
    assert made.identity["canvas_options"]["context"] == 1  # type: ignore[index]
    for settings, said in (
        ({"bank": 7}, "data.bank=7: the folder"),
        ({"canvas": "mine"}, "data.canvas=mine: one of own, retrieved"),
        ({"canvas_options": 3}, "canvas_options=3: options by name"),
        ({"canvas_options": {"bend": 1}}, "canvas_options.bend: there is no such option; there are fit"),
        ({"canvas_options": {"band": -1}}, r"canvas_options.band=-1: a number from 0 to 1"),
        ({"canvas_options": {"band": True}}, "canvas_options.band=True"),
        ({"canvas_options": {"masks": 10**9}}, "canvas_options.masks=1000000000: a whole number from 1"),
        ({"canvas_options": {"min_area": 0}}, "min_area=0: a whole number from 1 on, or null"),
        ({"canvas_options": {"fit": "tight"}}, "fit=tight: one of box, place"),
        ({"canvas_options": {"rewrite": "yes"}}, "rewrite=yes: true or false"),
    ):
        with pytest.raises(UserError, match=said):
            canvases_of({"bank": str(bank.folder), **settings})


def test_of_too_many_regions_the_largest_get_a_piece(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_REGIONS", 2)
    label = draw_label(50)
    everything = regions_of(label, SPEC.num_classes, min_area=bank.index.min_area)
    found = Canvases(bank).regions(label)
    assert len(everything) > 2 and len(found) == 2
    assert f"{len(everything)} regions: the largest 2" in caplog.text
    assert sorted(one.area for one in found) == sorted(one.area for one in everything)[-2:]


def test_other_classes_are_refused(bank: Bank) -> None:
    with pytest.raises(UserError, match=r"was cut by 5 label channels, data\.root=x has 4"):
        Canvases(bank).require_classes(replace(SPEC, has_unknown=False), "data.root=x")
