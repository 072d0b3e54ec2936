"""Models of pairs A | B in one file, given such pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layouts import SideBySide, TwoFolders
from asap_lightning.errors import UserError
from asap_lightning.inference.conditions import condition_reader
from asap_lightning.inference.halves import warn_of_pairs

PAIRS = {"_target_": "asap_lightning.data.layouts.SideBySide", "_partial_": True}
RGB = np.random.default_rng(0).integers(0, 256, (8, 16, 3), dtype=np.uint8)
IMAGE = ConditionSpec("image", channels=3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    Image.fromarray(RGB).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.mark.parametrize(
    ("half", "direction", "expected"),
    [
        (None, "AtoB", RGB),
        ("whole", "AtoB", RGB),
        ("left", "BtoA", RGB[:, :8]),
        ("right", "AtoB", RGB[:, 8:]),
        ("source", "AtoB", RGB[:, :8]),
        ("source", "BtoA", RGB[:, 8:]),
    ],
)
def test_the_half_that_is_asked_for(file, half, direction, expected):
    read = condition_reader(IMAGE, {**PAIRS, "direction": direction}, half=half)
    assert np.array_equal(read(file), expected)


def test_a_half_that_is_a_label_map_by_colours(tmp_path):
    ids = np.arange(64, dtype=np.uint8).reshape(8, 8) % 2
    colours = np.array([[0, 0, 170], [255, 85, 0]], np.uint8)
    Image.fromarray(np.hstack([RGB[:, :8], colours[ids]])).save(tmp_path / "a.png")
    layout = {**PAIRS, "direction": "BtoA", "condition": "label", "palette": colours.tolist()}
    read = condition_reader(ConditionSpec(num_classes=2), layout, half="source")
    assert np.array_equal(read(tmp_path / "a.png"), ids)


@pytest.mark.parametrize(
    ("half", "spec", "message"),
    [
        ("source", IMAGE, "was not trained on pairs in one file"),
        ("middle", IMAGE, "half=middle: one of whole, left, right, source"),
        ("left", ConditionSpec("depth", channels=1), "depth maps are no pairs"),
    ],
)
def test_halves_that_cannot_be_taken(half, spec, message):
    with pytest.raises(UserError, match=message):
        condition_reader(spec, None, half=half)


def test_whole_pairs_for_a_model_of_halves_are_a_warning(file, tmp_path):
    layout = SideBySide(tmp_path, direction="BtoA")
    assert "half=source translates their right half" in warn_of_pairs([file], layout, 1.0)
    assert not warn_of_pairs([file], layout, 2.0)
    assert not warn_of_pairs([file], TwoFolders(tmp_path), 1.0)
