"""Data sets of several layouts become banks; what cannot is told before anything is written."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from asap_lightning.data.layouts import Cityscapes, CmpFacades, SideBySide, SpadeFolders
from asap_lightning.data.resizing import resize
from asap_lightning.errors import UserError
from asap_lightning.segments import Bank, cut_bank, regions_of
from asap_lightning.segments.cutting import describe_scaling
from trees import Trees

SIZE = {"height": 24, "width": 32}


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path / "data")


def test_every_pair_of_the_split_is_cut_at_the_frames_size(trees: Trees, tmp_path: Path) -> None:
    layout = SpadeFolders(trees.spade(), num_classes=3)
    told: list[tuple[int, int]] = []
    summary = cut_bank(layout, tmp_path / "bank", **SIZE, min_area=3, progress=lambda *n: told.append(n))
    bank = Bank(tmp_path / "bank")
    assert told[-1] == (4, 4) and len(told) == 4
    assert bank.images == [f"train/{number:03d}" for number in range(4)]
    assert summary.size == sum(path.stat().st_size for path in bank.folder.iterdir())
    expected = 0
    for item in layout.items("train"):
        sample = layout.read(item)
        label = resize("label", sample.label, 24, 32)
        expected += len(regions_of(label, 3, min_area=3))
    assert len(bank) == expected == summary.index.segments
    assert bank.index.source == layout.title
    assert describe_scaling(summary) == "4 images of 4 had another size and were scaled to 32 x 24"


def test_threads_write_the_same_bank(trees: Trees, tmp_path: Path) -> None:
    layout = CmpFacades(trees.cmp(12), split="ratio", test_share=0.1)
    digests = [
        cut_bank(layout, tmp_path / f"bank{workers}", **SIZE, workers=workers).index.digests
        for workers in (1, 3)
    ]
    assert digests[0] == digests[1]


def test_cityscapes_poles_are_joined(trees: Trees, tmp_path: Path) -> None:
    layout = Cityscapes(trees.cityscapes())
    cut = partial(cut_bank, layout, **SIZE, min_area=1)
    plain = cut(tmp_path / "plain").index
    joined = cut(tmp_path / "joined", join=("pole", "traffic light", "traffic sign")).index
    assert joined.join == (17, 19, 20) and plain.join == () and joined.segments < plain.segments
    with pytest.raises(UserError, match="--join lamp: there is no such class; there are unlabeled, ego"):
        cut(tmp_path / "other", join=("lamp",))


def test_limits_and_splits(trees: Trees, tmp_path: Path) -> None:
    layout = SpadeFolders(trees.spade(), num_classes=3)
    cut_bank(layout, tmp_path / "bank", **SIZE, splits=("train", "val"), limit=1)
    assert Bank(tmp_path / "bank").images == ["train/000", "val/000"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"height": 8}, "data.height=8: a bank's images have 16 to 65535 pixels"),
        ({"min_area": 0}, "--min-area 0: from 1 to 768 pixels"),
        ({"min_area": 769}, "--min-area 769"),
        ({"min_thickness": 25}, "--min-thickness 25: from 1 to 24"),
        ({"min_area": 768}, "no segment of at least 768 pixels in 4 images of 32 x 24"),
    ],
)
def test_wrong_options_leave_nothing_behind(trees: Trees, tmp_path: Path, options: dict, said: str) -> None:
    layout = SpadeFolders(trees.spade(), num_classes=3)
    with pytest.raises(UserError, match=said):
        cut_bank(layout, tmp_path / "bank", **{**SIZE, **options})
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_damaged_pair_stops_the_cutting_and_leaves_nothing(trees: Trees, tmp_path: Path) -> None:
    root = trees.spade()
    (root / "train_img/002.jpg").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"002\.jpg"):
        cut_bank(SpadeFolders(root, num_classes=3), tmp_path / "bank", **SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_only_label_maps_with_photos_are_cut(trees: Trees, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"kind 'image'; .*data\.layout\.condition=label"):
        cut_bank(SideBySide(trees.pairs()), tmp_path / "bank", **SIZE)
    layout = Cityscapes(Trees(tmp_path / "street").cityscapes())
    with pytest.raises(UserError, match="has no photo"):
        cut_bank(layout, tmp_path / "bank", **SIZE, splits=("test",))


def test_only_a_bank_is_replaced_and_only_when_asked(trees: Trees, tmp_path: Path) -> None:
    layout, out = SpadeFolders(trees.spade(), num_classes=3), tmp_path / "bank"
    cut_bank(layout, out, **SIZE)
    with pytest.raises(UserError, match="is a memory bank already"):
        cut_bank(layout, out, **SIZE)
    cut_bank(layout, out, **SIZE, limit=1, overwrite=True)
    assert len(Bank(out).images) == 1
    with pytest.raises(UserError, match="is no memory bank: choose a folder that is not there yet"):
        cut_bank(layout, tmp_path / "data", **SIZE, overwrite=True)
    assert (tmp_path / "data/train_img/000.jpg").is_file()


def test_a_full_disk_is_told(trees: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from asap_lightning.segments.writer import BankWriter

    def full(self: BankWriter, *rest: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BankWriter, "add", full)
    with pytest.raises(UserError, match="could not be written: No space left on device"):
        cut_bank(SpadeFolders(trees.spade(), num_classes=3), tmp_path / "bank", **SIZE)
    assert not (tmp_path / "bank").exists()


def test_colours_are_those_of_the_photo(trees: Trees, tmp_path: Path) -> None:
    layout = SpadeFolders(trees.spade(), num_classes=3)
    size = (12, 16)
    with pytest.raises(UserError, match="16 to"):
        cut_bank(layout, tmp_path / "bank", height=12, width=16)
    cut_bank(layout, tmp_path / "bank", height=24, width=32, min_area=1)
    bank = Bank(tmp_path / "bank")
    photos = {f"train/{item.name}": layout.read(item).photo for item in layout.items("train")}
    assert all(photo is not None and photo.shape[:2] == size for photo in photos.values())
    for number in range(0, len(bank), 7):
        segment = bank.segment(number)
        photo = resize("photo", photos[segment.image], 24, 32)
        own = np.where(segment.region.mask[..., None], photo[segment.region.window], 0)
        np.testing.assert_array_equal(segment.colours, own)
