"""Ids in a lossy file are refused, whatever its name says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from asap_lightning.data.demo.paint import draw_facade
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.lossy import lossy_format
from asap_lightning.data.reading import read_instance, read_label
from asap_lightning.data.source import StoredFile
from asap_lightning.errors import UserError

IDS = np.random.default_rng(1).integers(0, 3, (16, 16), dtype=np.uint8)
LOSSY = [
    ("JPEG", {}, "a JPEG"),
    ("MPO", {}, "a JPEG"),
    ("WEBP", {}, "a lossy WebP"),
    ("WEBP", {"exif": b"Exif\0\0"}, "a lossy WebP"),
    ("AVIF", {}, "an AVIF"),
    ("JPEG2000", {"quality_mode": "rates", "quality_layers": [20]}, "a JPEG 2000"),
    ("TIFF", {"compression": "jpeg"}, "a TIFF with lossy compression"),
]
LOSSLESS = [
    ("PNG", {}),
    ("BMP", {}),
    ("GIF", {}),
    ("PPM", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("WEBP", {"lossless": True}),
]


def write(path: Path, kind: str, options: dict, ids: np.ndarray = IDS) -> Path:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow writes no AVIF")
    if kind == "MPO":
        options = {"save_all": True, "append_images": [Image.fromarray(ids)]}
    Image.fromarray(ids).save(path, kind, **options)
    return path


@pytest.mark.parametrize(("kind", "options", "words"), LOSSY)
def test_lossy_files_are_no_maps_of_ids(tmp_path, kind, options, words):
    path = write(tmp_path / "a.png", kind, options)  # the content counts, not the name
    with pytest.raises(UserError, match=rf"a.png is {words}.*changes pixel values.*PNG.*palette_tolerance=N"):
        read_label(path, LabelFormat(3))
    with pytest.raises(UserError, match=rf"a.png is {words}.*changes pixel values.*PNG"):
        read_instance(path)
    stored = StoredFile("train-000000.tar/a.label.png", path.read_bytes())
    with pytest.raises(UserError, match=words):
        read_label(stored, LabelFormat(3))


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_lossless_files_keep_ids(tmp_path, kind, options):
    path = write(tmp_path / "a.jpg", kind, options)
    assert np.array_equal(read_label(path, LabelFormat(3)), IDS)
    instances = read_instance(path)  # a colour file gives other numbers, but the same borders
    assert len(np.unique(instances * 3 + IDS)) == len(np.unique(instances)) == 3


def test_an_animation_without_loss(tmp_path):
    frames = [Image.fromarray(np.dstack([IDS + n] * 3)) for n in range(2)]
    for lossless in (True, False):
        frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=lossless)
        assert (lossy_format(tmp_path / "a.webp") is None) == lossless


def test_a_file_that_cannot_be_read_is_left_to_its_decoder(tmp_path):
    (tmp_path / "a.png").write_bytes(b"RIFF\0\0\0\0WEBPVP8 ")
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert lossy_format(tmp_path / "b.png") is None and lossy_format(tmp_path / "missing.png") is None
    for name, words in (("a", "truncated|not an image"), ("b", "not an image"), ("missing", "no such file")):
        with pytest.raises(UserError, match=words):
            read_label(tmp_path / f"{name}.png", LabelFormat(3))


def test_the_share_that_the_message_states(tmp_path):
    wrong = []
    for size in (256, 512):
        ids = draw_facade(0, 0, size).label
        path = write(tmp_path / f"{size}.jpg", "JPEG", {"quality": 90}, ids)
        wrong.append(np.mean(np.asarray(Image.open(path)) != ids))
    assert 0.1 < wrong[1] < wrong[0] < 0.4
