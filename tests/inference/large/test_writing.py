"""Image files written strip after strip hold the image, and are there only when they are whole."""

import errno
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from asap_lightning.errors import UserError
from asap_lightning.inference.large import cog, writing
from asap_lightning.inference.large.tiles import of_height, tiles_of
from asap_lightning.inference.large.writing import format_of, parse_format, require_writer, write_strips
from asap_lightning.inference.origin import KEY, origin_of

RANDOM = np.random.default_rng(0)
ABOUT = '{"origin": "0123"}'
FORMATS = {"tiff": "a.tif", "png": "a.png", "zarr": "a.zarr", "cog": "a.tif"}


def image(height, width):
    """Smooth in places, so that both filters of PNG and the predictor of TIFF have their turn."""
    ramp = np.add.outer(np.arange(height), np.arange(width))[..., None] * np.array([1, 2, 3])
    noise = RANDOM.integers(0, 255, (height, width, 3)) * (np.arange(height) % 3 == 0)[:, None, None]
    return (ramp + noise).astype(np.uint8)


def strips(array, *heights):
    edges = np.cumsum([0, *heights, len(array)]).clip(max=len(array))
    return [array[a:b] for a, b in pairwise(edges) if b > a]


def read(path, format):
    if format == "zarr":
        return pytest.importorskip("zarr").open_array(str(path), mode="r")[:]
    with Image.open(path) as opened:
        return np.asarray(opened)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (7, 600), (1030, 513)])
def test_what_is_written_is_the_image(tmp_path, format, size):
    if format != "png" and format != "cog":
        pytest.importorskip({"tiff": "tifffile", "zarr": "zarr"}[format])
    array, path = image(*size), tmp_path / "new" / FORMATS[format]
    write_strips(path, strips(array, 3, 500, 1), *size, format, ABOUT)
    assert np.array_equal(read(path, format), array)
    assert origin_of(path) == "0123"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "no temporary files are left"


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_left_and_what_was_there_stays_if_the_disk_fills_up(tmp_path, format):
    path = tmp_path / FORMATS[format]
    write_strips(path, [image(5, 5)], 5, 5, format, ABOUT)
    before = read(path, format)

    def filling():
        yield image(2, 9)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match=r"a\.\w+: the disk filled up"):
        write_strips(path, filling(), 9, 9, format, ABOUT)
    assert np.array_equal(read(path, format), before)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_real_full_device(tmp_path, monkeypatch):
    def full(path):
        return open("/dev/full", "wb")

    monkeypatch.setattr(writing, "atomic_write", full)
    with pytest.raises(UserError, match="the disk filled up"):
        write_strips(tmp_path / "a.png", [image(700, 700)], 700, 700, "png", ABOUT)


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"a\.png cannot be written: "):
        write_strips(tmp_path / "file" / "a.png", [image(2, 2)], 2, 2, "png", ABOUT)


def test_a_cog_has_its_directories_first_and_its_overviews_before_the_image(tmp_path):
    """What the OGC standard asks for: order of directories and of data, tiles, halved sizes."""
    array, path = image(1300, 2100), tmp_path / "a.tif"
    write_strips(path, strips(array, 17, 1000), 1300, 2100, "cog", ABOUT)
    pages, expected = [], array
    with TiffImagePlugin.TiffImageFile(path) as opened:
        for frame in range(opened.n_frames):
            opened.seek(frame)
            tags = opened.tag_v2
            pages.append((opened.size, tags.get(254, 0), min(tags[324]), max(tags[324]), tags[322]))
            if frame:
                expected = halved(expected)
            assert np.array_equal(np.asarray(opened), expected)
    assert [page[0] for page in pages] == [(2100, 1300), (1050, 650), (525, 325), (263, 163)]
    assert [page[1] for page in pages] == [0, 1, 1, 1]
    assert all(page[4] == 512 for page in pages)
    for larger, smaller in pairwise(pages):
        assert smaller[3] < larger[2], "tiles of a smaller version lie before those of a larger one"
    content = path.read_bytes()
    assert content[:8] == b"II\x2b\0\x08\0\0\0"
    assert int.from_bytes(content[8:16], "little") == 16, "the first directory follows the header"


def halved(array):
    height, width = array.shape[:2]
    padded = np.pad(array, ((0, height % 2), (0, width % 2), (0, 0)), "edge").astype(int)
    return ((padded.reshape(-(-height // 2), 2, -(-width // 2), 2, 3).sum((1, 3)) + 2) // 4).astype(np.uint8)


def test_an_odd_picture_is_halved_with_its_last_pixels_repeated():
    array = image(5, 3)
    level = cog.Level(5, 3, None)
    assert level.next is None
    level.close()
    assert np.array_equal(cog.halved(np.concatenate([array, array[-1:]])), halved(array))


def test_rows_come_in_strips_of_one_height_whatever_they_came_in():
    array = image(1000, 2)
    again = list(of_height(strips(array, 1, 600, 10), 64))
    assert [len(rows) for rows in again] == [64] * 15 + [40]
    assert np.array_equal(np.concatenate(again), array)
    assert [tile.shape for tile in tiles_of([array], 64)][-1] == (64, 64, 3)


def test_names_and_formats():
    from pathlib import Path

    assert format_of(Path("a.PNG")) == "png"
    assert format_of(Path("a.tiff")) == "tiff"
    with pytest.raises(UserError, match=r"a\.jpg: a large image is written as \.png, \.tif, \.zarr"):
        format_of(Path("a.jpg"))
    with pytest.raises(UserError, match="large_format=jpeg: one of tiff, png, zarr, cog"):
        parse_format("jpeg")


def test_what_is_not_installed_is_named(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(UserError, match=r"needs tifffile: pip install 'asap-lightning\[large\]'"):
        require_writer(parse_format("tiff"))
    assert KEY == "asap-lightning"
