"""Pictures and arrays that unfold, lie about their size or hold other things: refused in time."""

from __future__ import annotations

import io
import pickle
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from asap_lightning.data.header import read_header
from asap_lightning.data.layouts import NyuDepth
from asap_lightning.data.lossy import lossy_format
from asap_lightning.data.reading import open_image, read_depth
from asap_lightning.data.source import StoredFile
from asap_lightning.errors import UserError
from asap_lightning.inference.origin import origin_of
from asap_lightning.reports.pictures import read_picture

pytestmark = pytest.mark.usefixtures("canary", "bounded")


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, *extra, bits=8, colour=0, data=b"\0" * 1000):
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(kind, **how):
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, kind, **how)
    return bytearray(file.getvalue())


def gif():
    content = saved("GIF")
    struct.pack_into("<HH", content, 6, 65535, 65535)
    return content


def tiff():
    content = saved("TIFF")
    for tag in (256, 257):
        content = content.replace(struct.pack("<HHII", tag, 4, 1, 4), struct.pack("<HHII", tag, 4, 1, 60_000))
    return content


def bmp():
    content = saved("BMP")
    struct.pack_into("<ii", content, 18, 60_000, 60_000)
    return content


BOMB = zlib.compress(bytes(100 * 2**20), 9)
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) (w) file\n%%EOF\n"
HOSTILE = {
    "50,000 x 50,000 zeros": (png(50_000, 50_000), "too large .*2500000000|50000 x 50000"),
    "2^31 x 2^31": (png(2**31 - 1, 2**31 - 1), "too large"),
    "no pixels": (png(0, 5), ""),
    "a text of 100 MB": (png(4, 4, chunk(b"zTXt", b"k\0\0" + BOMB)), ""),
    "a profile of 100 MB": (png(4, 4, chunk(b"iCCP", b"k\0\0" + BOMB)), ""),
    "an international text": (png(4, 4, chunk(b"iTXt", b"k\0\1\0\0\0" + BOMB)), ""),
    "fewer pixels than said": (png(10_000, 10_000), "truncated or damaged"),
    "a chunk of 2 GB": (b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**31 - 1) + b"IHDR", ""),
    "GIF of 65,535 x 65,535": (bytes(gif()), "too large"),
    "TIFF of 60,000 x 60,000": (bytes(tiff()), "too large|damaged"),
    "BMP of 60,000 x 60,000": (bytes(bmp()), "too large"),
    "PPM of 10^5 x 10^5": (b"P6 100000 100000 255\n", "too large"),
    "PostScript": (POSTSCRIPT, "not an image"),
    "WMF": (b"\xd7\xcd\xc6\x9a" + bytes(60), "not an image"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_pictures(tmp_path, name):
    content, match = HOSTILE[name]
    path = tmp_path / "x.png"
    path.write_bytes(content)
    for source in (path, StoredFile(f"{tmp_path}/x.tar/x.png", content)):
        with pytest.raises(UserError, match=rf"{source.name if source is path else 'x.tar'}.*({match})"):
            open_image(source)
    with pytest.raises(UserError, match=r"x\.png"):
        read_picture(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_limit_does_not_depend_on_what_another_library_sets(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    (tmp_path / "x.png").write_bytes(png(50_000, 50_000))
    with pytest.raises(UserError, match="50000 x 50000 pixels; at most 178,956,970"):
        open_image(tmp_path / "x.png")


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 5000, "[1]", "x"])
def test_origins_that_strangers_wrote(tmp_path, text):
    info = PngImagePlugin.PngInfo()
    info.add_text("asap-lightning", text)
    Image.new("L", (2, 2)).save(tmp_path / "x.png", pnginfo=info)
    assert origin_of(tmp_path / "x.png") is None
    (tmp_path / "x.png").write_bytes(png(50_000, 50_000))
    assert origin_of(tmp_path / "x.png") is None


def test_only_raster_formats_are_looked_into(tmp_path):
    for name, content in (("x.png", POSTSCRIPT), ("y.png", png(50_000, 50_000))):
        (tmp_path / name).write_bytes(content)
        assert lossy_format(tmp_path / name) is None and read_header(tmp_path / name) is None


def test_a_large_picture_is_read_without_a_warning(tmp_path):
    (tmp_path / "x.png").write_bytes(png(10_000, 10_000))
    assert read_header(tmp_path / "x.png").width == 10_000 and lossy_format(tmp_path / "x.png") is None


def npy(header, data=bytes(32), version=b"\x01\x00"):
    text = header.encode() if isinstance(header, str) else header
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


def header(shape, kind="'<f4'"):
    return f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}"


ARRAYS = {
    "10 GB": npy(header("(50000, 50000)")),
    "2^100": npy(header(f"({2**50}, {2**50})")),
    "negative": npy(header("(-2, -4)")),
    "true": npy(header("(True, 8)")),
    "objects": npy(header("(4, 1)", "'|O'"), pickle.dumps([print] * 4)),
    "structured": npy(header("(2, 4)", "[('a', '<f4')]")),
    "structured with objects": npy(header("(2, 2)", "[('a', '|O')]")),
    "text": npy(header("(2, 2)", "'<U2'")),
    "unknown type": npy(header("(2, 4)", "'evil'")),
    "no numbers": npy(header("(0, 1000000000)"), b""),
    "code in the header": npy("__import__('os').system('rm ../canary')"),
    "deep header": npy("[" * 5000),
    "another version": npy(header("(2, 4)"), version=b"\x09\x00"),
    "more bytes": npy(header("(2, 4)"), bytes(33)),
    "a header of 4 GB": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
    "zip": b"PK\x03\x04" + bytes(100),
    "pickle": pickle.dumps(np.zeros((2, 2))),
    "one axis": npy(header("(8,)")),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(tmp_path, name):
    path = tmp_path / "x.npy"
    path.write_bytes(ARRAYS[name])
    for source in (path, StoredFile(f"{tmp_path}/t.tar/x.npy", ARRAYS[name])):
        with pytest.raises(UserError, match=r"x\.npy"):
            read_depth(source, 1.0)


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<u2", "<f2", "|b1", "<i8"])
@pytest.mark.parametrize("order", "CF")
def test_arrays_of_numbers_are_read(tmp_path, dtype, order):
    values = np.asarray(np.arange(6).reshape(2, 3) % 2, dtype=dtype, order=order)
    np.save(tmp_path / "x.npy", values)
    assert np.array_equal(read_depth(tmp_path / "x.npy", 1.0), values.astype(np.float32))


def mat(path, spoil):
    import h5py

    with h5py.File(path, "w") as file:
        if spoil != "images":
            file["images"] = np.zeros((3, 3, 8, 6), np.uint8)
        file["depths"] = np.zeros((3, 8, 6), np.float32)
        if spoil == "images":
            file.create_dataset("images", (3, 3, 100_000, 100_000), np.uint8, chunks=(1, 1, 1, 100_000))
        elif spoil == "chunks":
            del file["depths"]
            file.create_dataset("depths", (10**6, 8, 6), np.float32, chunks=(10**6, 8, 6), compression=9)
        elif spoil == "external":
            del file["depths"]
            size = 3 * 8 * 6 * 4
            file.create_dataset("depths", (3, 8, 6), np.float32, external=[("../canary", 0, size)])
        elif spoil == "link":
            del file["depths"]
            file["depths"] = h5py.ExternalLink("../canary", "/x")
        elif spoil == "soft link":
            del file["depths"]
            file["depths"] = h5py.SoftLink("/nothing")
        elif spoil == "virtual":
            del file["depths"]
            layout = h5py.VirtualLayout((3, 8, 6), np.float32)
            layout[:] = h5py.VirtualSource("../canary", "x", (3, 8, 6))
            file.create_virtual_dataset("depths", layout)
        elif spoil == "text":
            del file["depths"]
            file["depths"] = np.full((3, 8, 6), b"x")
        elif spoil == "group":
            del file["depths"]
            file.create_group("depths")
        elif spoil == "channels":
            del file["images"]
            file["images"] = np.zeros((3, 7, 8, 6), np.uint8)
        elif spoil == "count":
            del file["depths"]
            file["depths"] = np.zeros((2, 8, 6), np.float32)


SPOILS = [
    "images",
    "chunks",
    "external",
    "link",
    "soft link",
    "virtual",
    "text",
    "group",
    "channels",
    "count",
]


@pytest.mark.parametrize("spoil", SPOILS)
def test_matlab_files(tmp_path, spoil):
    pytest.importorskip("h5py")
    path = tmp_path / "nyu_depth_v2_labeled.mat"
    mat(path, spoil)
    with pytest.raises(UserError, match=r"labeled\.mat"):
        NyuDepth(tmp_path, train_count=1).items("train")
