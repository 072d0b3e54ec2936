"""Segments of a data set's pairs: what networks of pieces are fitted to."""

from dataclasses import dataclass

import numpy as np
import pytest

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layout import Item, Layout
from asap_lightning.data.sample import Sample
from asap_lightning.segments.regions import regions_of
from asap_lightning.training.sims import OwnSegments
from asap_lightning.training.sims.examples import (
    FramedPairs,
    TouchingSegments,
    enclosed,
    touching,
    whole,
)
from banks import FRAME, SPEC, draw_label, draw_photo


class Pairs:
    """Eight drawn pairs."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return Sample(str(index), label=draw_label(index), photo=draw_photo(index))


def regions(label):
    return regions_of(label, SPEC.num_classes, min_area=4)


def test_own_segments_are_those_of_the_pairs_in_another_order_every_pass():
    examples = OwnSegments(Pairs(), regions, seed=3, most=10**6)
    passes = [[example.mask.tobytes() for example in examples] for _ in range(2)]
    expected = [whole(region).tobytes() for index in range(8) for region in regions(draw_label(index))]
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(expected)
    assert passes[0] != passes[1]
    assert [one.mask.tobytes() for one in OwnSegments(Pairs(), regions, seed=3, most=10**6)] == passes[0]
    assert len(list(OwnSegments(Pairs(), regions, most=1))) == 8, "no image fills a batch"


def test_what_lies_in_the_others_outline_is_in_front():
    label = np.zeros((30, 40), np.uint8)
    label[5:20, 5:25] = 1
    label[8:14, 10:18] = 2  # a hole in 1
    found = {region.class_id: region for region in regions(label)}
    assert enclosed(found[1], found[2]) == enclosed(found[2], found[1]) == 2
    assert enclosed(found[0], found[1]) == 1
    assert sorted(map(tuple, touching(list(found.values()), label.shape).tolist())) == [
        (0, 1),
        (0, 2),
        (1, 2),
    ]
    label[:] = 0
    label[:, :20] = 1
    halves = regions(label)
    assert enclosed(*halves) is None, "neither reaches into the other"


def test_pairs_that_touch_are_of_two_classes_and_have_the_truth_that_was_asked_for():
    examples = list(TouchingSegments(Pairs(), regions, "outlines", seed=1, most=10**6))
    assert len(examples) > 10
    for one in examples:
        assert one.front in one.classes and one.classes[0] != one.classes[1]
        assert (one.label[one.first] == one.classes[0]).all()
        assert (one.label[one.second] == one.classes[1]).all()
    assert {one.classes[0] == one.front for one in examples} == {True, False}
    assert not list(TouchingSegments(Pairs(), regions, "depth")), "no sample has a depth"
    depth = {"disparity": lambda sample: np.where(sample.label == 0, 9.0, 1.0)}
    made = list(TouchingSegments(Pairs(), regions, "depth", most=10**6, **depth))
    assert made and all(one.front == 0 for one in made if 0 in one.classes)
    grounded = list(TouchingSegments(Pairs(), regions, "depth", ground=[0], most=10**6, **depth))
    assert grounded and not any(one.front == 0 for one in grounded)


@dataclass
class Stored(Layout):
    """One pair of a size of its own, with a depth or without."""

    depth: bool = True
    spec: ConditionSpec = SPEC

    def __post_init__(self):
        super().__init__(".")

    def find(self, split):
        return [Item("0", None)]

    def read(self, item):
        return Sample(item.name, label=draw_label(0, (24, 32)), photo=draw_photo(0, (24, 32)))

    def disparity(self, item):
        return np.arange(24 * 32, dtype=np.float32).reshape(24, 32) if self.depth else None

    @classmethod
    def matches(cls, root):
        return False


@pytest.mark.parametrize("depth", [True, False])
def test_pairs_and_their_depth_are_brought_to_the_banks_size(depth):
    pairs = FramedPairs(Stored(depth), "val", FRAME)
    sample = pairs[0]
    assert len(pairs) == 1 and sample.size == FRAME and sample.photo.shape == (*FRAME, 3)
    assert pairs.has_depth == depth
    found = pairs.disparity(sample)
    assert (found is None) != depth
    if depth:
        assert np.array_equal(found[::2, ::2], Stored().disparity(None)) and found.shape == FRAME
