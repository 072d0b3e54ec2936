from __future__ import annotations

import numpy as np
import pytest
import torch

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.layouts.classes import CITYSCAPES, CMP, names
from asap_lightning.data.palettes import class_colours, colorize_label
from asap_lightning.data.panels import condition_to_image, fit, photo_to_image, sample_to_image, tile, untile
from asap_lightning.data.sample import Sample


def test_official_colours_of_cityscapes_and_cmp():
    spec = ConditionSpec(num_classes=34, has_unknown=True, class_names=names(CITYSCAPES))
    colours = colorize_label(np.array([[7, 26, 34]]), spec)
    assert colours.tolist() == [[[128, 64, 128], [0, 0, 142], [0, 0, 0]]]
    spec = ConditionSpec(num_classes=13, class_names=names(CMP))
    assert colorize_label(np.array([[3]]), spec).tolist() == [[[0, 85, 255]]]


@pytest.mark.parametrize("count", [2, 35, 183, 300])
def test_made_colours_are_distinct_and_keep_their_class(count):
    colours = class_colours(ConditionSpec(num_classes=count, has_unknown=True))
    assert len(colours) == count + 1
    assert len(np.unique(colours, axis=0)) >= 0.97 * (count + 1)
    assert np.array_equal(colours[:2], class_colours(ConditionSpec(num_classes=2)))
    assert colours[-1].tolist() == [0, 0, 0]


def test_ids_outside_the_channels_are_refused():
    with pytest.raises(ValueError, match="outside the 3 channels"):
        colorize_label(np.array([[3]]), ConditionSpec(num_classes=3))


def test_photos_round_to_the_nearest_value():
    values = torch.arange(256, dtype=torch.uint8).repeat(3, 1, 1)
    assert np.array_equal(photo_to_image(values / 127.5 - 1), values.permute(1, 2, 0))
    assert photo_to_image(torch.tensor([-2.0, 0.0, 2.0]).reshape(3, 1, 1)).tolist() == [[[0, 128, 255]]]


def test_conditions_of_every_kind_become_pictures():
    spec = ConditionSpec(num_classes=3)
    label = torch.tensor([[[0, 1]], [[2, 1]]])
    expected = colorize_label(label[1].numpy(), spec)
    assert np.array_equal(condition_to_image(Condition(label=label), spec, 1), expected)
    canvas = torch.zeros(2, 4, 1, 2)
    canvas[1, :, 0, 1] = 1.0
    laid = condition_to_image(Condition(label=label, canvas=canvas), spec, 1)
    assert np.array_equal(laid[0, 0], expected[0, 0]) and (laid[0, 1] == 255).all()
    grey = ConditionSpec(kind="depth", channels=1)
    picture = condition_to_image(Condition(image=torch.zeros(1, 1, 2, 2)), grey)
    assert picture.shape == (2, 2, 3) and (picture == 128).all()
    depth = Sample("a", depth=np.full((2, 2), -1, np.float32))
    assert (sample_to_image(depth, grey) == 0).all()


def test_a_grid_centres_pictures_of_different_sizes():
    small, large = np.zeros((2, 2, 3), np.uint8), np.full((4, 6, 3), 9, np.uint8)
    grid = tile([[small, large], [large]])
    assert grid.shape == (4 + 2 * 8, 4 + 2 * 10, 3)
    assert (grid[5:7, 6:8] == 0).all()
    assert (grid[4:8, 14:20] == 9).all()
    titled = tile([[small]], titles=["label"])
    assert titled.shape[0] == 18 + 6
    with pytest.raises(ValueError, match="at least one picture"):
        tile([[]])


def test_the_cells_of_a_grid_are_found_again():
    random = np.random.default_rng(0)
    rows = [[random.integers(0, 256, (5, 9, 3), np.uint8) for _ in range(3)] for _ in range(2)]
    found = untile(tile(rows, ["label", "generated", "photo"]), rows=2, columns=3)
    assert all(np.array_equal(a, b) for want, got in zip(rows, found, strict=True)
               for a, b in zip(want, got, strict=True))  # fmt: skip
    with pytest.raises(ValueError, match="is no grid of 4 x 3 pictures"):
        untile(tile(rows, ["label", "generated", "photo"]), rows=4, columns=3)


def test_fit_only_makes_smaller():
    picture = np.zeros((40, 20, 3), np.uint8)
    assert fit(picture, 10).shape == (10, 5, 3)
    assert fit(picture, 100) is picture
