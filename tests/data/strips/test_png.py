import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.strips import open_strips
from asap_lightning.data.strips.png import PngStrips
from asap_lightning.errors import UserError
from png_files import CHANNELS, KINDS, chunk, png


def random_png(path, colour, depth, seed, *, height=11, width=13):
    random = np.random.default_rng(seed)
    row = (width * CHANNELS[colour] * depth + 7) // 8
    rows = random.integers(0, 256, (height, row)).astype(np.uint8)
    rows[:, -1] &= 0xF0 if depth < 8 else 0xFF  # bits beyond the width mean nothing
    return png(path, rows, width, colour, depth, random.integers(0, 5, height))


@pytest.mark.parametrize(("colour", "depth"), KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_equals_pillow_whatever_the_kind_the_filters_and_the_strips(tmp_path, colour, depth, seed):
    path = random_png(tmp_path / "a.png", colour, depth, seed)
    with Image.open(path) as whole:
        whole.load()
    strips = open_strips(path)
    assert isinstance(strips, PngStrips)
    assert (strips.width, strips.height) == whole.size
    for top, bottom in ((0, 4), (4, 5), (3, 9), (10, 11), (0, 11)):
        part = strips.read(top, bottom)
        assert part.mode == whole.mode
        assert np.array_equal(np.asarray(part), np.asarray(whole)[top:bottom])
        if whole.mode == "P":
            assert np.array_equal(
                np.asarray(part.convert("RGB")), np.asarray(whole.convert("RGB"))[top:bottom]
            )
    strips.close()


def test_many_rows_are_unpacked_some_at_a_time(tmp_path, monkeypatch):
    path = random_png(tmp_path / "a.png", 2, 16, 5, height=40)
    monkeypatch.setattr("asap_lightning.data.strips.png.AT_ONCE", 200)
    with Image.open(path) as whole, open_strips(path) as strips:
        assert np.array_equal(np.asarray(strips.read(7, 33)), np.asarray(whole)[7:33])


def test_transparency_of_a_palette_is_kept(tmp_path):
    image = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).convert("P")
    image.save(tmp_path / "a.png", transparency=bytes([0] * 8))
    with open_strips(tmp_path / "a.png") as strips:
        assert "transparency" in strips.read(0, 2).info


def test_an_interlaced_or_turned_file_is_read_whole(tmp_path):
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 1)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\7")) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    assert np.asarray(open_strips(tmp_path / "a.png").read(0, 1)).tolist() == [[7]]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)).save(tmp_path / "b.png", exif=exif)
    turned = open_strips(tmp_path / "b.png")
    assert (turned.width, turned.height) == (2, 3)
    assert np.asarray(turned.read(0, 1)).tolist() == [[3, 0]]


TALLER = chunk(b"IHDR", struct.pack(">IIBBBBB", 13, 500, 8, 0, 0, 0, 0))


def damaged(path, spoil):
    content = bytearray(path.read_bytes())
    spoil(content)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content.__delitem__(slice(-40, None)),
        lambda content: content.__setitem__(len(content) - 30, content[-30] ^ 255),
        lambda content: content.__setitem__(slice(8, 33), TALLER),
    ],
    ids=["cut off", "a bit", "header"],
)
def test_damage_is_said_and_names_the_file(tmp_path, spoil):
    path = random_png(tmp_path / "a.png", 0, 8, 0)
    damaged(path, spoil)
    with pytest.raises(UserError, match=r"a\.png cannot be decoded"), open_strips(path) as strips:
        strips.read(0, strips.height)


def bomb(path, width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = zlib.compress(bytes(1000))
    content = chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path


def test_a_header_that_promises_more_than_the_file_can_hold_is_refused_at_once(tmp_path):
    with pytest.raises(UserError, match="cannot hold 60000 x 60000 pixels"):
        open_strips(bomb(tmp_path / "a.png", 60_000, 60_000))


def test_more_pixels_than_are_ever_read_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"at most 17,179,869,184 are read"):
        open_strips(bomb(tmp_path / "a.png", 2_000_000, 2_000_000))
