"""The search gives what a scan of every segment gives."""

from __future__ import annotations

import numpy as np
import pytest

from asap_lightning.segments import retrieval
from asap_lightning.segments.bank import Bank
from asap_lightning.segments.reference import scan
from asap_lightning.segments.regions import regions_of
from asap_lightning.segments.retrieval import Retriever, region_iou
from banks import FRAME, draw_label


@pytest.mark.parametrize("weight", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("count", [1, 5])
def test_the_search_is_the_scan(bank: Bank, weight: float, count: int, monkeypatch) -> None:
    monkeypatch.setattr(retrieval, "FIRST", 4)
    monkeypatch.setattr(retrieval, "AT_ONCE", 5)
    retriever, looked = Retriever(bank, weight), 0
    for seed in range(50, 54):
        label = draw_label(seed)
        for region in regions_of(label, 4, min_area=4):
            expected = scan(bank, region, label, context_weight=weight, count=count)
            assert retriever.best(region, label, count=count) == expected
            looked += len(expected)
    assert looked > 15


@pytest.mark.parametrize("frame", [(96, 128), (30, 100)])
def test_layouts_of_another_size_are_brought_to_the_frame(bank: Bank, frame: tuple[int, int]) -> None:
    label = draw_label(3, frame)
    for region in regions_of(label, 4, min_area=20):
        assert Retriever(bank).best(region) == scan(bank, region)


def test_an_image_finds_its_own_segments_unless_they_are_excluded(bank: Bank) -> None:
    label = draw_label(5)
    retriever = Retriever(bank)
    for region in regions_of(label, 4, min_area=4):
        (own,) = retriever.best(region)
        assert own.iou == 1.0
        (other,) = retriever.best(region, exclude=["train/5", "train/no such image"])
        assert bank.images[bank.table["image"][other.number]] != "train/5"
        assert [other] == scan(bank, region, exclude=["train/5"])


def test_excluding_everything_and_a_class_without_segments_find_nothing(bank: Bank) -> None:
    label = draw_label(5)
    region = regions_of(label, 4)[0]
    assert Retriever(bank).best(region, exclude=bank.images) == []
    (car,) = [one for one in regions_of(np.full(FRAME, 3, np.uint8), 4)]
    assert len(bank.of_class(3)) == 0 and Retriever(bank).best(car) == []
    assert len(bank.of_class(99)) == 0


def test_few_of_many_masks_are_unpacked(make_bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index, not a scan: counted, not timed."""
    bank = make_bank(images=60)
    looked: list[int] = []
    unpacked = Bank.region
    monkeypatch.setattr(Bank, "region", lambda self, n: looked.append(n) or unpacked(self, n))
    regions = [one for seed in range(90, 95) for one in regions_of(draw_label(seed), 4, min_area=12)]
    for region in regions:
        Retriever(bank).best(region)
    scanned = sum(len(bank.of_class(region.class_id)) for region in regions)
    assert len(looked) < 0.15 * scanned


def test_context_needs_the_layout(bank: Bank) -> None:
    region = regions_of(draw_label(1), 4)[0]
    with pytest.raises(ValueError, match="needs the layout"):
        Retriever(bank, 1.0).best(region)
    with pytest.raises(ValueError, match="weight"):
        Retriever(bank, -1.0)


def test_iou_of_regions_apart_is_zero() -> None:
    label = np.zeros((20, 20), np.uint8)
    label[:3, :3], label[10:12, 10:12] = 1, 2
    zero, one, two = regions_of(label, 3)
    assert region_iou(one, two) == 0.0 and region_iou(one, one) == 1.0 and region_iou(zero, one) == 0.0
