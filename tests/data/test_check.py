from __future__ import annotations

import io
from functools import partial

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from asap_lightning.data.check import check_dataset, sample_picture, write_sample_picture
from asap_lightning.data.check_table import print_report
from asap_lightning.data.layouts import CmpFacades, SpadeFolders, TwoFolders
from asap_lightning.errors import UserError

THREE = partial(SpadeFolders, num_classes=3)


def text(report) -> str:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=120))
    return stream.getvalue()


def test_a_good_data_set_is_counted(trees):
    layout = THREE(trees.spade())
    calls = []
    report = check_dataset(layout, workers=2, progress=lambda *call: calls.append(call))
    train, val, test = report.splits
    assert report.ok
    assert (train.pairs, val.pairs, test.same_as) == (4, 4, "val")
    assert train.sizes == {(12, 16): 4}
    expected = sum(
        np.bincount(np.asarray(Image.open(path)).ravel(), minlength=3)
        for path in sorted((trees.root / "train_label").iterdir())
    )
    assert np.array_equal(train.pixels, expected)
    assert np.array_equal(train.images, [4, 4, 4])
    assert calls[-1] == ("val", 4, 4)
    shown = text(report)
    assert "16 x 12: 4" in shown and "same pairs as val" in shown and "no problems in 8 pairs" in shown


def test_every_bad_file_is_listed(trees):
    root = trees.spade()
    (root / "train_img/000.jpg").write_bytes(b"")
    trees.label(root / "train_label/001.png", low=9, high=10)
    trees.photo(root / "train_img/002.jpg", (4, 4))
    (root / "val_label/003.png").unlink()
    report = check_dataset(THREE(root))
    assert not report.ok
    assert len(report.splits[0].problems) == 3
    shown = text(report)
    for part in (
        "000.jpg is empty",
        "001.png: label id 9",
        "002.jpg is 4 x 4",
        "1 photo without conditions",
    ):
        assert part in shown
    assert "5 problems" not in shown and "4 problems:" in shown


def test_no_table_of_classes_where_no_pair_was_read(trees):
    root = trees.spade()
    for path in (root / "train_img").iterdir():
        path.rename(path.with_stem(f"other_{path.stem}"))
    shown = text(check_dataset(THREE(root), splits=("train",)))
    assert "share of the pixels" not in shown and "1 problem:" in shown


def test_classes_that_never_occur_are_named(trees):
    report = check_dataset(partial(SpadeFolders, num_classes=5)(trees.spade()))
    assert report.absent_classes() == ["3", "4"]
    assert "2 classes occur in no training pair: 3, 4" in text(report)


def test_classes_are_missed_only_where_training_pairs_were_read(trees):
    layout = partial(SpadeFolders, num_classes=5)(trees.spade())
    assert check_dataset(layout, splits=("val",)).absent_classes() == []
    for path in (trees.root / "train_img").iterdir():
        path.write_bytes(b"")
    report = check_dataset(layout)
    assert report.absent_classes() == [] and "no training pair" not in text(report)


def test_class_names_are_shown(trees):
    report = check_dataset(CmpFacades(trees.cmp(), split="ratio"))
    assert "12 shop" in text(report)


def test_pictures_have_no_classes(trees):
    report = check_dataset(TwoFolders(trees.folders()))
    assert report.ok and "Classes" not in text(report)


def test_another_layout_is_an_error_or_a_problem(trees, tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        check_dataset(THREE(tmp_path / "nowhere"))
    report = check_dataset(CmpFacades(trees.spade()))
    assert len(report.problems) == 1 and "looks like SPADE folders" in report.problems[0].text


def test_the_sample_picture_shows_condition_and_photo(trees, tmp_path):
    root = trees.spade(count=3)
    (root / "train_img/001.jpg").write_bytes(b"")
    layout = THREE(root)
    picture = sample_picture(layout, count=3)
    assert picture.shape == (18 + 2 * 16, 4 + 2 * 20, 3)
    photo = np.asarray(Image.open(root / "train_img/002.jpg"))
    assert np.array_equal(picture[34:46, 24:40], photo)
    write_sample_picture(tmp_path / "out/samples.png", layout)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/samples.png")), picture)


def test_one_cause_over_many_files_is_one_line(trees):
    root = trees.spade(count=9)
    for path in (root / "train_img").iterdir():
        path.write_bytes(b"")
    shown = text(check_dataset(THREE(root)))
    assert "9 problems of 1 kind:" in shown
    assert "the same in 8 more pairs: 001, 002, 003, 004, 005 and 3 more" in shown
    assert shown.count("is empty (0 bytes)") == 1


def test_what_no_pair_uses_is_listed(trees):
    root = trees.spade()
    (root / "notes.txt").write_text("x")
    (root / "train_img/extra.psd").write_bytes(b"x")
    (root / "loose").symlink_to("nowhere")
    shown = text(check_dataset(THREE(root)))
    assert "1 .psd (extra.psd)" in shown and "1 .txt (notes.txt)" in shown and "8 .png" in shown
    assert "1 link that leads nowhere" in shown and "no problems" in shown


def turned(path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    with Image.open(path) as image:
        image.load()
    image.save(path, exif=exif)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_rotation_in_one_file_of_a_pair_is_said(trees, orientation):
    root = trees.spade(count=2)
    trees.photo(root / "train_img/000.jpg", (12, 12) if orientation == 6 else (12, 16))
    if orientation == 6:
        trees.label(root / "train_label/000.png", (12, 12))
    turned(root / "train_img/000.jpg", orientation)
    report = check_dataset(THREE(root))
    assert report.ok
    assert "1 pair of 2 with an EXIF rotation in one picture alone" in report.warnings[0]
    assert "train_img/000.jpg: turned by" in report.warnings[0]


def test_a_rotation_that_changes_the_size_is_named(trees):
    root = trees.spade(count=2)
    turned(root / "train_img/000.jpg", 6)
    (problem,) = check_dataset(THREE(root), splits=("train",)).problems
    assert "is 12 x 16 (width x height, turned by 90 degrees as its EXIF orientation says)" in problem.text
    assert "the photo carries a rotation that the other file lacks" in problem.text
    assert "exiftool -Orientation=" in problem.text


def test_both_files_turned_alike_are_no_cause_for_a_warning(trees):
    root = trees.folders(3)
    for folder, suffix in (("A", "png"), ("B", "jpg")):
        turned(root / f"{folder}/1.{suffix}", 6)
    assert check_dataset(TwoFolders(root)).warnings == []


@pytest.mark.parametrize("bits", [10, 12])
def test_a_few_bits_in_a_16_bit_file_are_noticed(trees, bits):
    root = trees.folders(3)
    values = trees.random.integers(0, 2**bits, (12, 16), dtype=np.uint16)
    for folder, suffix in (("A", "png"), ("B", "jpg")):
        (root / f"{folder}/1.{suffix}").unlink()
        trees.save(root / f"{folder}/1.png", values)
    (warning,) = check_dataset(TwoFolders(root), splits=("train",)).warnings
    assert "1 pair of 2 with a picture that is nearly black" in warning
    assert "1 of these files have 16 bits" in warning and "multiply their values by 64, 16 or 4" in warning
