from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from asap_lightning.data.resizing import pad, resize, resize_depth, resize_ids, resize_picture

side = st.integers(1, 40)


@given(side, side, side, side)
def test_ids_come_from_the_pixel_under_the_centre(h, w, height, width):
    ids = np.arange(h * w, dtype=np.int32).reshape(h, w)
    resized = resize_ids(ids, height, width)
    for axis, (before, after) in enumerate([(h, height), (w, width)]):
        source = (resized // w, resized % w)[axis]
        centres = (np.arange(after) + 0.5) * before / after
        centres = centres[:, None] if axis == 0 else centres[None]
        # Half a pixel either way; a centre on the border of two pixels may take either.
        assert (np.abs(source + 0.5 - centres) <= 0.5 + 1e-9).all()


def test_ids_of_other_types_are_refused():
    with pytest.raises(TypeError, match="int64"):
        resize_ids(np.zeros((2, 2), np.int64), 4, 4)


@given(side, side)
def test_large_ids_survive_exactly(height, width):
    ids = (np.arange(35, dtype=np.int32) * 12_345_677).reshape(5, 7)
    resized = resize_ids(ids, height, width)
    assert resized.dtype == np.int32
    assert set(resized.ravel()) <= set(ids.ravel())


@given(side, side, side, side)
def test_smooth_pictures_differ_from_pillows_bicubic_by_rounding_alone(h, w, height, width):
    rows, columns = np.mgrid[:h, :w] / 9.0
    waves = [np.sin(rows + channel) * np.cos(columns - channel) for channel in range(3)]
    picture = np.round(128 + 90 * np.stack(waves, axis=2)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))
    resized = resize_picture(picture, height, width)
    assert resized.dtype == np.uint8
    assert np.abs(resized.astype(int) - expected.astype(int)).max() <= 2


def test_pictures_are_antialiased():
    checks = np.indices((64, 64)).sum(0) % 2 * np.uint8(255)
    small = resize_picture(np.repeat(checks[..., None], 3, axis=2).astype(np.uint8), 16, 16)
    assert np.abs(small.astype(int) - 127).max() <= 12


@given(side, side, side, side, st.integers(0, 2**31))
def test_pieces_of_a_canvas_keep_their_colours_to_their_borders(h, w, height, width, seed):
    random = np.random.default_rng(seed)
    filled = random.random((h, w)) < 0.5
    canvas = random.integers(0, 256, (h, w, 4), np.uint8)  # whatever lies where nothing is filled
    canvas[..., :3][filled] = (200, 100, 50)
    canvas[..., 3] = filled * 255
    resized = resize("canvas", canvas, height, width)
    assert resized.shape == (height, width, 4) and resized.dtype == np.uint8
    expected = resize_ids(filled.astype(np.uint8), height, width) > 0
    assert np.array_equal(resized[..., 3], expected * np.uint8(255))
    assert (resized[..., :3][expected] == (200, 100, 50)).all()
    if (h, w) != (height, width):
        assert (resized[..., :3][~expected] == 0).all()


def test_a_whole_canvas_is_antialiased():
    checks = np.repeat((np.indices((64, 64)).sum(0) % 2 * 255)[..., None], 3, axis=2)
    canvas = np.concatenate([checks, np.full((64, 64, 1), 255)], axis=2).astype(np.uint8)
    assert np.abs(resize("canvas", canvas, 16, 16)[..., :3].astype(int) - 127).max() <= 1


@given(st.integers(2, 40), st.integers(2, 40), st.integers(2, 40), st.integers(2, 40))
def test_a_whole_canvas_is_resized_as_torch_does(h, w, height, width):
    pixels = np.random.default_rng(0).integers(0, 256, (h, w, 3), np.uint8)
    canvas = np.concatenate([pixels, np.full((h, w, 1), 255, np.uint8)], axis=2)
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None].double()
    expected = torch.nn.functional.interpolate(planes, size=(height, width), mode="bilinear", antialias=True)
    off = resize("canvas", canvas, height, width)[..., :3] - expected[0].permute(1, 2, 0).numpy()
    assert np.abs(off).max() <= 0.501


def test_grey_pictures_keep_their_channel():
    grey = np.full((4, 4, 1), 7, np.uint8)
    assert np.array_equal(resize("image", grey, 8, 6), np.full((8, 6, 1), 7, np.uint8))


@given(side, side)
def test_depth_stays_in_range(height, width):
    depth = np.random.default_rng(0).uniform(-1, 1, (9, 11)).astype(np.float32)
    resized = resize_depth(depth, height, width)
    assert resized.dtype == np.float32 and resized.shape == (height, width)
    assert resized.min() >= depth.min() and resized.max() <= depth.max()


def test_padding_repeats_the_last_row_and_column():
    array = np.array([[1, 2], [3, 4]], np.int32)
    expected = [[1, 2, 2], [3, 4, 4], [3, 4, 4]]
    assert np.array_equal(pad(array, 3, 3), expected)
    picture = np.stack([array] * 3, axis=2)
    assert np.array_equal(pad(picture, 3, 3)[..., 1], expected)
    assert pad(array, 2, 2) is array
    with pytest.raises(ValueError, match="cannot pad"):
        pad(array, 1, 2)
