from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.reading import (
    read_depth,
    read_grey,
    read_instance,
    read_label,
    read_photo,
    scale_depth,
)
from asap_lightning.errors import UserError

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
IDS = np.random.default_rng(1).integers(0, 3, (5, 7), dtype=np.uint8)
THREE = LabelFormat(3)


def save(path: Path, image: Image.Image | np.ndarray, **options) -> Path:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def test_rgb_and_rgba_photos_are_read_as_they_are(tmp_path):
    assert np.array_equal(read_photo(save(tmp_path / "a.png", RGB)), RGB)
    rgba = np.dstack([RGB, np.full((5, 7), 9, np.uint8)])
    assert np.array_equal(read_photo(save(tmp_path / "b.png", rgba)), RGB)


def test_palette_photos_show_their_colours(tmp_path):
    image = Image.fromarray(IDS)
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    expected = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], np.uint8)[IDS]
    assert np.array_equal(read_photo(save(tmp_path / "a.png", image)), expected)
    path = save(tmp_path / "b.png", image, transparency=1)
    assert np.array_equal(read_photo(path), expected)


def test_grey_and_16_bit_photos_become_rgb(tmp_path):
    grey = RGB[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=2)
    assert np.array_equal(read_photo(save(tmp_path / "a.png", grey)), expected)
    assert np.array_equal(read_photo(save(tmp_path / "b.png", grey.astype(np.uint16) * 257)), expected)
    assert np.array_equal(read_photo(save(tmp_path / "c.png", Image.fromarray(grey).convert("LA"))), expected)


def test_a_photo_is_turned_upright_by_its_exif_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "a.png", RGB, exif=exif)
    assert np.array_equal(read_photo(path), np.rot90(RGB, -1))


def test_a_grey_condition_has_one_channel(tmp_path):
    assert np.array_equal(read_grey(save(tmp_path / "a.png", RGB[..., 0])), RGB[..., :1])
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert np.array_equal(read_grey(save(tmp_path / "b.png", red)), np.full((2, 2, 1), 76, np.uint8))


@pytest.mark.parametrize("kind", ["L", "P", "LA", "RGB", "RGBA", "I;16", "I", "1"])
def test_label_files_of_every_kind_give_their_ids(tmp_path, kind):
    ids, labels = IDS, THREE
    if kind == "P":
        image = Image.fromarray(IDS)
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    elif kind == "I;16":
        image = Image.fromarray(IDS.astype(np.uint16))
    elif kind == "I":
        image = Image.fromarray(IDS.astype(np.int32))
    elif kind == "1":
        ids = IDS % 2
        image = Image.fromarray(ids.astype(bool))
    else:
        image = Image.fromarray(IDS).convert(kind)
    label = read_label(save(tmp_path / f"a.{'tif' if kind == 'I' else 'png'}", image), labels)
    assert label.dtype == np.uint8
    assert np.array_equal(label, ids)


def test_unknown_becomes_the_last_channel(tmp_path):
    ids = IDS.copy()
    ids[0, 0] = 255
    path = save(tmp_path / "a.png", ids)
    label = read_label(path, LabelFormat(3, has_unknown=True))
    assert label[0, 0] == 3
    assert np.array_equal(label.reshape(-1)[1:], ids.reshape(-1)[1:])
    path16 = save(tmp_path / "b.png", ids.astype(np.uint16))
    assert np.array_equal(read_label(path16, LabelFormat(3, has_unknown=True)), label)


def test_ids_outside_the_classes_are_named_with_file_and_count(tmp_path):
    ids = IDS.copy()
    ids[0, :2] = 7
    ids[1, 0] = 9
    path = save(tmp_path / "a.png", ids)
    with pytest.raises(UserError) as error:
        read_label(path, THREE)
    message = str(error.value)
    assert message.startswith(f"{path}: label ids 7 (2 pixels), 9 (1 pixels) outside the classes")
    assert "0..2 (num_classes=3)" in message
    assert "set data.layout.num_classes=10" in message


def test_255_without_unknown_names_the_option(tmp_path):
    ids = IDS.copy()
    ids[0, 0] = 255
    with pytest.raises(UserError, match=r"255 \(1 pixels\).*set data.layout.has_unknown=true"):
        read_label(save(tmp_path / "a.png", ids), THREE)


def test_binary_masks_are_explained_and_can_be_mapped(tmp_path):
    mask = (IDS % 2) * np.uint8(255)
    path = save(tmp_path / "a.png", mask)
    with pytest.raises(UserError, match=r"only 0 and 255, as a binary mask does.*label_values=\{0:0,255:1\}"):
        read_label(path, LabelFormat(2))
    assert np.array_equal(read_label(path, LabelFormat(2, values={0: 0, 255: 1})), IDS % 2)
    with pytest.raises(UserError, match=r"one of 0, 254 \(data.layout.label_values\)"):
        read_label(path, LabelFormat(2, values={0: 0, 254: 1}))


def test_a_16_bit_instance_map_is_no_label_map(tmp_path):
    ids = IDS.astype(np.uint16)
    ids[2, 2] = 26013
    path = save(tmp_path / "a.png", ids)
    with pytest.raises(
        UserError, match=r"a.png: label id 26013 \(1 pixels\).*16-bit file.*8-bit label map is meant"
    ):
        read_label(path, LabelFormat(34, has_unknown=True))


def test_more_than_256_classes_are_read_from_16_bit_files(tmp_path):
    ids = np.arange(300, dtype=np.uint16).reshape(15, 20)
    label = read_label(save(tmp_path / "a.png", ids), LabelFormat(300))
    assert label.dtype == np.int32
    assert np.array_equal(label, ids)


def test_a_colour_picture_is_no_label_map(tmp_path):
    path = save(tmp_path / "a.png", RGB)
    with pytest.raises(
        UserError, match=r"a.png is a colour picture \(RGB\) where a label map is meant.*palette"
    ):
        read_label(path, THREE)


@pytest.mark.parametrize(
    "palette", [[(1, 2, 3), (4, 5, 6), (7, 8, 9)], {0: [1, 2, 3], 1: [4, 5, 6], 2: [7, 8, 9]}]
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_palette_gives_colours_their_classes(tmp_path, palette, mode):
    picture = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8)[IDS]
    if mode == "P":
        image = Image.fromarray(2 - IDS)
        image.putpalette([7, 8, 9, 4, 5, 6, 1, 2, 3])
    else:
        image = Image.fromarray(picture).convert(mode)
    path = save(tmp_path / "a.png", image)
    assert np.array_equal(read_label(path, LabelFormat(3, palette=palette)), IDS)


def test_colours_outside_the_palette_are_named(tmp_path):
    path = save(tmp_path / "a.png", np.full((2, 3, 3), 9, np.uint8))
    with pytest.raises(UserError, match=r"6 of 6 pixels \(100.00%\) have a colour.*\(9, 9, 9\): 6 pixels"):
        read_label(path, LabelFormat(1, palette=[(1, 2, 3)]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 0}, "at least one class"),
        ({"num_classes": 2, "values": {0: 0, 1: 2}}, "label_values names class 2, but there are 2 channels"),
        ({"num_classes": 1, "palette": [(0, 0, 0), (1, 1, 1)]}, "palette names class 1"),
        ({"num_classes": 1, "palette": [(0, 0, 256)]}, "three whole numbers from 0 to 255"),
        ({"num_classes": 1, "palette": [(0, 0)]}, "three whole numbers from 0 to 255"),
        ({"num_classes": 1, "palette": [(0, 0, 1.5)]}, "three whole numbers from 0 to 255"),
        ({"num_classes": 1, "palette": ["red"]}, "three whole numbers from 0 to 255"),
        ({"num_classes": 1, "palette": []}, "a list of colours was expected"),
        ({"num_classes": 1, "palette": 7}, "a list of colours was expected"),
        ({"num_classes": 1, "palette": {"sky": (0, 0, 0)}}, "'sky' is no class id"),
        (
            {"num_classes": 3, "palette": [(1, 2, 3), (0, 0, 0), [1, 2, 3]]},
            r"the colour \(1, 2, 3\) to class 0 and to class 2",
        ),
        (
            {"num_classes": 1, "palette": [(0, 0, 0)], "values": {0: 0}},
            "palette and data.layout.label_values are both set",
        ),
        ({"num_classes": 1, "palette_tolerance": 5}, "palette_tolerance=5 without data.layout.palette"),
        ({"num_classes": 1, "palette": [(0, 0, 0)], "palette_tolerance": -1}, "a number from 0"),
        ({"num_classes": 1, "palette": [(0, 0, 0)], "palette_tolerance": float("nan")}, "a number from 0"),
        ({"num_classes": 1, "palette": [(0, 0, 0)], "palette_tolerance": "10"}, "a number from 0"),
    ],
)
def test_wrong_formats_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        LabelFormat(**options)


def test_instance_maps_of_8_16_and_32_bits_keep_their_ids(tmp_path):
    ids = IDS.astype(np.int32) * 100
    assert np.array_equal(read_instance(save(tmp_path / "a.png", ids.astype(np.uint8))), ids.astype(np.uint8))
    ids = IDS.astype(np.int32) * 20_000
    assert np.array_equal(read_instance(save(tmp_path / "b.png", ids.astype(np.uint16))), ids)
    ids = IDS.astype(np.int32) * 1_000_000
    instance = read_instance(save(tmp_path / "c.tif", ids))
    assert instance.dtype == np.int32
    assert np.array_equal(instance, ids)
    colours = read_instance(save(tmp_path / "d.png", RGB))
    assert len(np.unique(colours)) == len(np.unique(RGB.reshape(-1, 3), axis=0))


def test_depth_comes_in_metres_from_png_tiff_and_npy(tmp_path):
    metres = np.array([[0.5, 1.0], [2.0, 10.0]], np.float32)
    png = save(tmp_path / "a.png", (metres * 1000).astype(np.uint16))
    assert np.allclose(read_depth(png, unit=0.001), metres)
    assert np.array_equal(read_depth(save(tmp_path / "a.tif", metres), unit=1.0), metres)
    np.save(tmp_path / "a.npy", metres)
    assert np.array_equal(read_depth(tmp_path / "a.npy", unit=1.0), metres)


def test_depth_is_scaled_and_clipped():
    depth = np.array([[-1.0, 0.0], [5.0, 20.0]], np.float32)
    assert np.array_equal(scale_depth(depth, 0.0, 10.0), np.array([[-1, -1], [0, 1]], np.float32))
    with pytest.raises(UserError, match=r"farthest=1"):
        scale_depth(depth, 1, 1)


def test_bad_depth_files_are_named(tmp_path):
    with pytest.raises(UserError, match=r"a.png is a colour picture"):
        read_depth(save(tmp_path / "a.png", RGB), unit=1)
    np.save(tmp_path / "b.npy", np.full((2, 2), np.nan))
    with pytest.raises(UserError, match=r"b.npy holds 4 depths that are NaN"):
        read_depth(tmp_path / "b.npy", unit=1)
    (tmp_path / "c.npy").write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"c.npy is not a NumPy array"):
        read_depth(tmp_path / "c.npy", unit=1)
    np.save(tmp_path / "d.npy", np.zeros((2, 2, 2)))
    with pytest.raises(UserError, match=r"d.npy has the shape \(2, 2, 2\)"):
        read_depth(tmp_path / "d.npy", unit=1)


BAD_FILES = {
    "zero bytes": (b"", "is empty (0 bytes)"),
    "not an image": (b"hello, I am a text file", "is not an image that can be read"),
    "missing": (None, "there is no such file"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_files_that_are_no_images_are_named(tmp_path, kind, suffix):
    content, message = BAD_FILES[kind]
    path = tmp_path / f"bad{suffix}"
    if content is not None:
        path.write_bytes(content)
    for read in (read_photo, read_instance, lambda p: read_label(p, THREE)):
        with pytest.raises(UserError) as error:
            read(path)
        assert str(path) in str(error.value)
        assert message in str(error.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp", ".gif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_named(tmp_path, suffix, share):
    pixels = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"cut{suffix}", pixels)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError, match=f"cut{suffix} (cannot be decoded|is not an image)"):
        read_photo(path)


def test_damaged_png_is_named(tmp_path):
    path = save(tmp_path / "a.png", RGB)
    content = bytearray(path.read_bytes())
    content[60:70] = bytes(10)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a.png cannot be decoded"):
        read_photo(path)


def test_floating_point_files_are_neither_photo_nor_label(tmp_path):
    path = save(tmp_path / "a.tif", np.ones((3, 3), np.float32))
    with pytest.raises(UserError, match=r"a.tif holds floating-point values, as depth maps do"):
        read_photo(path)
    with pytest.raises(UserError, match=r"a.tif holds floating-point values; a label map"):
        read_label(path, THREE)
