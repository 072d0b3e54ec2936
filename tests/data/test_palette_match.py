"""Colours for classes: the table agrees with the slow twin, JPEG files give their classes back."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from asap_lightning.data.demo.classes import PALETTE
from asap_lightning.data.demo.paint import draw_facade
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.palette_match import Palette, UnmatchedColours, pack, parse_tolerance, unpack
from asap_lightning.data.palette_reference import match_slowly
from asap_lightning.data.reading import read_label
from asap_lightning.errors import UserError

IDS = np.random.default_rng(1).integers(0, 2, (5, 7), dtype=np.uint8)
BLACK_WHITE = [[0, 0, 0], [255, 255, 255]]
near = st.integers(0, 6) | st.integers(0, 255)
colour = st.tuples(near, near, near)


def save(path: Path, image: Image.Image | np.ndarray, **options) -> Path:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


@settings(deadline=None, max_examples=60)
@given(
    st.lists(colour, min_size=1, max_size=8, unique=True),
    st.lists(st.lists(colour, min_size=12, max_size=12), min_size=1, max_size=3),
    st.sampled_from([0, 0.5, 1, 2, 3.5, 40, 442]),
    st.randoms(use_true_random=False),
)
def test_the_table_agrees_with_the_slow_twin(colours, pictures, tolerance, random):
    order = list(enumerate(colours))
    random.shuffle(order)
    palette = Palette(dict(order), tolerance)
    for pixels in pictures:  # later pictures meet colours that the table knows
        picture = np.array(pixels, np.uint8).reshape(3, 4, 3)
        expected = match_slowly(picture, dict(order), tolerance)
        np.testing.assert_array_equal(palette.match(picture), expected)


def test_of_equally_near_colours_the_lower_class_wins():
    middle = np.array([[[5, 0, 0]]], np.uint8)
    assert Palette({1: (0, 0, 0), 0: (10, 0, 0)}, 5).match(middle) == 0
    assert Palette({0: (0, 0, 0), 1: (10, 0, 0)}, 5).match(middle) == 0
    assert Palette({0: (0, 0, 0), 1: (10, 0, 0)}, 4.99).match(middle) == -1


def test_more_colours_than_a_byte_numbers():
    colours = {i: (i % 256, i // 256, 7) for i in range(600)}
    picture = np.array([list(colours.values())], np.uint8)
    np.testing.assert_array_equal(Palette(colours).match(picture), [np.arange(600)])


def test_the_table_does_not_travel_to_other_processes():
    labels = LabelFormat(2, palette=BLACK_WHITE, palette_tolerance=9)
    picture = np.full((2, 2, 3), 250, np.uint8)
    ids, _ = labels.from_colours(picture, Path("a"))
    sent = pickle.dumps(labels)
    assert len(sent) < 2000
    np.testing.assert_array_equal(pickle.loads(sent).from_colours(picture, Path("a"))[0], ids)


def test_packing():
    picture = np.array([[[1, 2, 3], [255, 254, 253]]], np.uint8)
    assert [unpack(code) for code in pack(picture)[0]] == [(1, 2, 3), (255, 254, 253)]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK"])
def test_files_of_every_mode_show_their_colours(tmp_path, mode):
    image = Image.fromarray(np.array(BLACK_WHITE, np.uint8)[IDS]).convert("L" if mode == "PA" else mode)
    path = tmp_path / ("a.tif" if mode in ("PA", "CMYK") else "a.png")
    save(path, image.convert(mode))
    assert np.array_equal(read_label(path, LabelFormat(2, palette=BLACK_WHITE)), IDS)


@pytest.mark.parametrize("transparency", [0, bytes([0, 128])])
def test_transparency_of_palette_files_is_left_out(tmp_path, transparency):
    image = Image.fromarray(1 - IDS)
    image.putpalette([255, 255, 255, 0, 0, 0])
    path = save(tmp_path / "a.png", image, transparency=transparency)
    assert np.array_equal(read_label(path, LabelFormat(2, palette=BLACK_WHITE)), IDS)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deeper_values_are_no_colours(tmp_path, dtype):
    path = save(tmp_path / "a.tif", IDS.astype(dtype))
    with pytest.raises(UserError, match=r"a.tif holds .* values .*, which are no colours.*leave it out"):
        read_label(path, LabelFormat(2, palette=BLACK_WHITE))


def test_colours_that_nothing_is_near_to_are_unknown_or_an_error(tmp_path):
    picture = np.array(BLACK_WHITE, np.uint8)[IDS]
    picture[0, :3], picture[1, 0] = (9, 0, 0), (0, 100, 0)
    path = save(tmp_path / "a.png", picture)
    expected = IDS.copy()
    expected[0, :3], expected[1, 0] = 0, 2
    tolerant = {"palette": BLACK_WHITE, "palette_tolerance": 9}
    assert np.array_equal(read_label(path, LabelFormat(2, has_unknown=True, **tolerant)), expected)
    with pytest.raises(
        UnmatchedColours, match=r"a.png: 1 of 35 pixels .*within 9.*\(0, 100, 0\): 1 pixel\."
    ) as error:
        read_label(path, LabelFormat(2, **tolerant))
    assert (error.value.unmatched, error.value.pixels) == (1, 35)
    with pytest.raises(UnmatchedColours, match=r"4 of 35 .*\(9, 0, 0\): 3 pixels, \(0, 100, 0\): 1 pixel\."):
        read_label(path, LabelFormat(2, has_unknown=True, palette=BLACK_WHITE))  # exact unless told otherwise


def test_a_file_of_class_ids_needs_no_palette(tmp_path):
    path = save(tmp_path / "a.png", IDS)
    with pytest.raises(UserError, match=r"the grey values 0 to 1, as class ids do.*leave the palette out"):
        read_label(path, LabelFormat(2, palette=[[1, 2, 3], [4, 5, 6]]))


@pytest.mark.parametrize("quality", [75, 90])
def test_classes_come_back_from_jpeg_files(tmp_path, quality):
    """Chroma at half the resolution, as in pix2pix's facades; what is lost lies at borders."""
    truth = draw_facade(0, 0, 64).label.repeat(8, 0).repeat(8, 1)
    picture = np.array(PALETTE, np.uint8)[truth]
    path = save(tmp_path / "a.jpg", picture, quality=quality, subsampling="4:2:0")
    with pytest.raises(
        UserError, match=r"This is a JPEG, which changes colours: set data.layout.palette_tol"
    ):
        read_label(path, LabelFormat(len(PALETTE), palette=PALETTE))
    found = read_label(path, LabelFormat(len(PALETTE), palette=PALETTE, palette_tolerance=442))
    present = np.unique(truth)
    overlaps = [np.sum((found == c) & (truth == c)) / np.sum((found == c) | (truth == c)) for c in present]
    assert np.mean(found == truth) > 0.95
    assert np.mean(overlaps) > 0.8
    strict = LabelFormat(len(PALETTE), True, palette=PALETTE, palette_tolerance=60)
    known = (ids := read_label(path, strict)) != len(PALETTE)
    assert 0.85 < known.mean() < 1
    assert np.mean(ids[known] == truth[known]) > max(0.97, np.mean(found == truth))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1, True, "9", None])
def test_a_tolerance_is_a_number_from_0_on(wrong):
    with pytest.raises(UserError, match=r"key=.*a number from 0 "):
        parse_tolerance(wrong, "key")
