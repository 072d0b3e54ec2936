"""What a check says about label maps beside errors."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.check import check_dataset
from asap_lightning.data.demo.paint import draw_facade
from asap_lightning.data.label_notes import SMOOTHED, in_between
from asap_lightning.data.layouts import Shards, SideBySide, SpadeFolders
from asap_lightning.data.shards.members import Encoding
from asap_lightning.data.shards.writer import write_shards

IDS = draw_facade(0, 0, 128).label


def jpeg(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=90)
    return Image.open(file)


def share(image: Image.Image | np.ndarray) -> float:
    between, borders = in_between(np.asarray(image))
    return between / borders


@pytest.mark.parametrize("resample", [Image.Resampling.BILINEAR, Image.Resampling.LANCZOS])
def test_smooth_resizing_puts_ids_between_those_of_both_sides(resample):
    image = Image.fromarray(IDS)
    assert share(image) < SMOOTHED / 2
    assert share(image.resize((64, 64), Image.Resampling.NEAREST)) < SMOOTHED
    assert share(image.resize((64, 64), resample)) > SMOOTHED
    assert share(image.resize((192, 192), resample)) > SMOOTHED


def test_a_jpeg_that_was_saved_as_png_is_noticed():
    assert share(jpeg(Image.fromarray(IDS))) > SMOOTHED


def test_tiny_maps_have_no_borders_to_judge():
    assert in_between(np.zeros((1, 2), np.uint8)) == (0, 0)
    assert in_between(np.array([[0, 1, 2]], np.uint8)) == (1, 1)


def test_the_check_names_smoothed_maps(trees):
    root = trees.spade(count=0)
    for split in ("train", "val"):
        for number in range(2):
            smooth = split == "train" and number == 1
            image = Image.fromarray(IDS).resize((64, 64), Image.Resampling(2 if smooth else 0))
            trees.save(root / f"{split}_label/{number}.png", np.asarray(image))
            trees.photo(root / f"{split}_img/{number}.jpg", (64, 64))
    report = check_dataset(SpadeFolders(root, num_classes=13), workers=1)
    assert report.ok
    (warning,) = report.warnings
    assert warning.startswith("train: 1 label map of 2 look smoothed") and "train_label/1.png: " in warning


@pytest.fixture
def pairs(trees) -> Path:
    """Label maps on the left, of two colours and in one file a few pixels of a third."""
    for split in ("train", "val"):
        for number in range(2):
            picture = np.array([[0, 0, 200], [250, 0, 0]], np.uint8)[np.indices((10, 10))[0] % 2]
            if split == "train" and number:
                picture[0, :3] = 0, 255, 0
            photo = trees.random.integers(0, 256, (10, 10, 3), dtype=np.uint8)
            trees.save(trees.root / split / f"{number}.png", np.hstack([picture, photo]))
    return trees.root


@pytest.mark.parametrize(("unknown", "ok"), [(True, True), (False, False)])
def test_the_check_tells_the_share_of_unmatched_colours(pairs, unknown, ok):
    options = {"condition": "label", "num_classes": 2, "palette": [[0, 0, 190], [250, 9, 0]]}
    layout = SideBySide(pairs, has_unknown=unknown, palette_tolerance=10, **options)
    report = check_dataset(layout, workers=1)
    assert report.ok == ok
    train, val, *_ = report.colours
    assert train == (
        "train: 1.50% of the pixels have no colour within 10 of one of the palette; "
        f"most in {pairs / 'train/1.png'}: 3.0%"
    )
    assert val == "val: 0.00% of the pixels have no colour within 10 of one of the palette"
    assert not report.warnings


@pytest.mark.parametrize("arrays", [False, True])
def test_shards_keep_the_palette_until_their_ids_are_decoded(pairs, tmp_path, arrays):
    options = {"condition": "label", "num_classes": 2, "has_unknown": True}
    options |= {"palette": [[0, 0, 190], [250, 9, 0]], "palette_tolerance": 10}
    layout = SideBySide(pairs, **options)
    source = {"_target_": "asap_lightning.data.layouts.SideBySide", **options}
    write_shards(layout, tmp_path / "out", source=source, encoding=Encoding(arrays=arrays))
    shards = Shards(tmp_path / "out")
    for one, other in zip(layout.items("train"), shards.items("train"), strict=True):
        np.testing.assert_array_equal(layout.read(one).label, shards.read(other).label)
    report = check_dataset(shards, workers=1)
    assert report.ok and not report.warnings
    told = [line.split(" of the")[0] for line in report.colours]
    assert told == ([] if arrays else ["train: 1.50%", "val: 0.00%"])
