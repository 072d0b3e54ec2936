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
        "1 photos without conditions",
    ):
        assert part in shown
    assert "5 problems" not in shown and "4 problems:" in shown


def test_classes_that_never_occur_are_named(trees):
    report = check_dataset(partial(SpadeFolders, num_classes=5)(trees.spade()))
    assert report.absent_classes() == ["3", "4"]
    assert "2 classes occur in no training pair: 3, 4" in text(report)


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
    assert len(report.problems) == 1 and "looks like SPADE folders" in report.problems[0]


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
