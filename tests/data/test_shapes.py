"""Single pictures among side-by-side pairs, and pairs where single pictures are meant."""

from __future__ import annotations

import numpy as np
import pytest

from asap_lightning.data import PairedDataModule
from asap_lightning.data.check import check_dataset
from asap_lightning.data.layouts import Photos, SideBySide
from asap_lightning.errors import UserError


def pictures(trees, folder: str, size: tuple[int, int], count: int = 3, first: int = 0) -> None:
    for number in range(first, first + count):
        trees.photo(trees.root / folder / f"{number}.png", size)


@pytest.mark.parametrize("size", [(16, 16), (16, 15), (17, 24)])
@pytest.mark.parametrize("odd", ["train", "val"])
def test_a_split_of_single_pictures_is_refused(trees, odd, size):
    pictures(trees, "train", size if odd == "train" else (16, 32))
    pictures(trees, "val", size if odd == "val" else (16, 32))
    layout = SideBySide(trees.root)
    with pytest.raises(UserError, match=rf"{odd}: the files are .* these look like single pictures"):
        layout.items(odd)
    assert "these look like single pictures" in check_dataset(layout).problems[0].text
    module = PairedDataModule(trees.root, SideBySide, 16, 16)
    with pytest.raises(UserError, match="same_shape=false"):
        module.setup("fit")
    assert SideBySide(trees.root, same_shape=False).items(odd)


def test_a_single_picture_among_pairs_is_refused_when_it_is_read(trees):
    pictures(trees, "train", (16, 32), 5), pictures(trees, "val", (16, 32), 2)
    pictures(trees, "train", (16, 16), 2, first=5)
    report = check_dataset(SideBySide(trees.root))
    assert len(report.problems) == 2
    assert "6.png is 16 x 16 (width x height), half as wide" in report.problems[1].text
    assert check_dataset(SideBySide(trees.root, same_shape=False)).ok


def test_pairs_of_mixed_proportions_are_no_single_pictures(trees):
    pictures(trees, "train", (16, 32), 4), pictures(trees, "val", (16, 32), 2)
    pictures(trees, "train", (24, 32), 2, first=4), pictures(trees, "train", (16, 48), 2, first=6)
    assert check_dataset(SideBySide(trees.root)).ok


@pytest.mark.parametrize(
    ("size", "doubt"),
    [
        ((16, 16), "A and B are taken to be 8 x 16: if they are single pictures, use data=photos"),
        ((32, 16), "if A lies above B"),
        ((16, 48), "as three square pictures side by side"),
        ((16, 32), ""),
    ],
)
def test_an_unusual_shape_is_a_warning(trees, size, doubt):
    pictures(trees, "train", size), pictures(trees, "val", size)
    report = check_dataset(SideBySide(trees.root))
    assert report.ok
    assert (doubt in report.warnings[0]) if doubt else not report.warnings


def test_pairs_given_as_photos_are_a_warning(trees):
    pictures(trees, ".", (16, 32))
    assert "if they are pairs A | B, use data=pairs" in check_dataset(Photos(trees.root)).warnings[0]


def test_many_headers_are_sampled_not_all_read(trees, monkeypatch):
    from asap_lightning.data.layouts import shapes

    asked = []
    monkeypatch.setattr(shapes, "read_header", lambda file: asked.append(file))
    assert shapes.usual_shape([trees.root / str(n) for n in np.arange(1000)]) is None
    assert len(asked) == shapes.PROBES
