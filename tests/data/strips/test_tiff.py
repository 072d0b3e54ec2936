import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.strips import open_strips
from asap_lightning.data.strips.tiff import TiffStrips
from asap_lightning.data.strips.whole import WholePicture
from asap_lightning.errors import UserError

tifffile = pytest.importorskip("tifffile")
RANDOM = np.random.default_rng(0)


def agrees(path, kind=TiffStrips):
    with Image.open(path) as whole:
        whole.load()
    strips = open_strips(path)
    assert isinstance(strips, kind)
    for top, bottom in ((0, 5), (5, 6), (3, 40), (0, whole.height)):
        bottom = min(bottom, whole.height)
        part = strips.read(top, bottom)
        assert part.mode == whole.mode
        assert np.array_equal(np.asarray(part), np.asarray(whole)[top:bottom])
        assert part.getpalette() == whole.getpalette()
    strips.close()


ARRAYS = {
    "ids": RANDOM.integers(0, 256, (45, 37)).astype(np.uint8),
    "wide ids": RANDOM.integers(0, 65536, (45, 37)).astype(np.uint16),
    "photo": RANDOM.integers(0, 256, (45, 37, 3)).astype(np.uint8),
    "depth": RANDOM.random((45, 37)).astype(np.float32),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize(
    "storage",
    [
        {"tile": (16, 32)},
        {"tile": (16, 16), "compression": "zlib"},
        {"rowsperstrip": 7},
        {"rowsperstrip": 7, "compression": "zlib", "predictor": 2},
        {},
    ],
    ids=["tiles", "packed tiles", "strips", "packed strips", "one strip"],
)
def test_equals_pillow_however_it_is_stored(tmp_path, name, bigtiff, storage):
    array = ARRAYS[name]
    if array.dtype.kind == "f":
        storage = {key: value for key, value in storage.items() if key != "predictor"}
    photometric = "rgb" if array.ndim == 3 else "minisblack"
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, bigtiff=bigtiff, photometric=photometric, metadata=None, **storage)
    agrees(path)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_equals_pillow_for_what_libtiff_packs(tmp_path, compression, mode):
    image = Image.fromarray(ARRAYS["photo"]).convert(mode)
    image.save(tmp_path / "a.tif", compression=compression, tiffinfo={278: 16})
    agrees(tmp_path / "a.tif")


@pytest.mark.parametrize("mode", ["1", "P"])
def test_palettes_and_single_bits_keep_their_ids(tmp_path, mode):
    image = Image.fromarray(ARRAYS["ids"])
    image = image.quantize(16) if mode == "P" else image.convert("1")
    image.save(tmp_path / "a.tif", tiffinfo={278: 8})
    agrees(tmp_path / "a.tif")


def test_planes_apart_are_read_whole(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", ARRAYS["photo"].transpose(2, 0, 1), planarconfig="separate", photometric="rgb"
    )
    agrees(tmp_path / "a.tif", WholePicture)


def test_a_piece_beyond_the_end_is_said(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ARRAYS["ids"], tile=(16, 16), photometric="minisblack")
    path.write_bytes(path.read_bytes()[:-100])
    with (
        pytest.raises(UserError, match=r"a\.tif cannot be decoded.*beyond the end"),
        open_strips(path) as strips,
    ):
        strips.read(0, 45)


def test_a_damaged_piece_is_said(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ARRAYS["ids"], tile=(16, 16), photometric="minisblack", compression="zlib")
    with Image.open(path) as image:
        offset = image.tag_v2[324][3]
    content = bytearray(path.read_bytes())
    content[offset : offset + 20] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tif cannot be decoded.*piece 3"), open_strips(path) as strips:
        strips.read(0, 45)


def test_pieces_that_do_not_fit_into_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("asap_lightning.data.strips.tiff.LARGEST_PIECE", 1000)
    tifffile.imwrite(tmp_path / "a.tif", ARRAYS["ids"], photometric="minisblack")
    with pytest.raises(UserError, match="Save it anew with tiles"):
        open_strips(tmp_path / "a.tif")
