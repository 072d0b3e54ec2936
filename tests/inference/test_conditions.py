"""Condition files are read as the training read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference.checks import check_guide
from asap_lightning.inference.conditions import condition_reader

SPEC = ConditionSpec("label", num_classes=2, has_unknown=True)
IDS = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)
COLOURS = [[10, 0, 0], [0, 200, 0]]
TRAINED_ON_COLOURS = {
    "_target_": "asap_lightning.data.layouts.SideBySide",
    "_partial_": True,
    "condition": "label",
    "num_classes": 2,
    "has_unknown": True,
    "palette": COLOURS,
    "palette_tolerance": 20,
}


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """A file of colours that are 5 away from those of the palette."""
    path = tmp_path / "a.png"
    Image.fromarray(np.array(COLOURS, np.uint8)[IDS] + np.array([0, 5, 0], np.uint8)).save(path)
    return path


def test_palette_and_tolerance_are_those_of_the_training(colours):
    assert np.array_equal(condition_reader(SPEC, TRAINED_ON_COLOURS)(colours), IDS)
    with pytest.raises(UserError, match=r"labels\.palette does not list"):
        condition_reader(SPEC, {**TRAINED_ON_COLOURS, "palette_tolerance": 0})(colours)


def test_what_is_given_replaces_what_the_training_had(colours, tmp_path):
    exact = [[10, 5, 0], [0, 205, 0]]
    assert np.array_equal(condition_reader(SPEC, TRAINED_ON_COLOURS, palette=exact)(colours), IDS)
    with pytest.raises(UserError, match="6 of 6 pixels"):
        condition_reader(SPEC, TRAINED_ON_COLOURS, palette=COLOURS)(colours)
    reader = condition_reader(SPEC, TRAINED_ON_COLOURS, palette=COLOURS, palette_tolerance=5)
    assert np.array_equal(reader(colours), IDS)
    assert (condition_reader(SPEC, TRAINED_ON_COLOURS, palette_tolerance=4)(colours) == 2).all()
    Image.fromarray(IDS * 7).save(tmp_path / "ids.png")
    reader = condition_reader(SPEC, TRAINED_ON_COLOURS, label_values={0: 0, 7: 1})
    assert np.array_equal(reader(tmp_path / "ids.png"), IDS)


def test_colours_for_a_model_of_ids_are_explained(colours):
    with pytest.raises(UserError, match=r"colour picture \(RGB\).*labels.palette=\[\[r,g,b\],...\]"):
        condition_reader(SPEC)(colours)
    with pytest.raises(UserError, match=r"labels\.palette_tolerance=5 without labels.palette"):
        condition_reader(SPEC, palette_tolerance=5)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 4), (3, 4, 5), (0, 5, 3)])
def test_what_is_no_photo_is_no_guide(shape):
    check_guide(np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(UserError, match=r"a guide is \(H, W, 3\) uint8"):
        check_guide(np.zeros(shape, np.uint8))
    with pytest.raises(UserError, match="of float32"):
        check_guide(np.zeros((4, 5, 3), np.float32))
