"""A folder of conditions becomes a folder of images, from Python as from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import small
from asap_lightning.checkpoint import ENTRY, ModelDescription
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import FolderTranslation, LabelOptions, Translator, translate_folder

SPEC = ConditionSpec("label", num_classes=3)


def make_translator(folder: Path, spec: ConditionSpec, **data: Any) -> Translator:
    """Of a checkpoint that was trained on ``data``."""
    generator = small.asap_generator(spec)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    network = {"_target_": "asap_lightning.models.AsapGenerator", **small.ASAP}
    description = ModelDescription(spec.as_dict(), network, config={"data": data})
    path = folder / "model.ckpt"
    state = {f"generator.{name}": value for name, value in generator.state_dict().items()}
    torch.save({"state_dict": state, ENTRY: description.as_dict()}, path)
    return Translator(path, device="cpu")


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    return make_translator(tmp_path_factory.mktemp("model"), SPEC)


@pytest.fixture
def labels(tmp_path):
    """Three label maps of three sizes, one in a sub-folder."""
    maps = {}
    for number, name in enumerate(("a", "b", "deep/c")):
        maps[name] = np.random.default_rng(number).integers(0, 3, (8 + number, 12), dtype=np.uint8)
        (tmp_path / "in/deep").mkdir(parents=True, exist_ok=True)
        Image.fromarray(maps[name]).save(tmp_path / f"in/{name}.png")
    return maps


def test_every_file_is_translated_as_the_translator_does_and_only_once(translator, labels, tmp_path):
    tally = translate_folder(translator, tmp_path / "in", tmp_path / "out")
    assert (tally.translated, tally.there, tally.failures) == (3, 0, [])
    for name, label in labels.items():
        image = np.asarray(Image.open(tmp_path / f"out/{name}.png"))
        assert np.array_equal(image, translator(label))
    again = translate_folder(translator, tmp_path / "in", tmp_path / "out")
    assert (again.translated, again.there) == (0, 3)


def test_a_file_that_cannot_be_translated_stops_no_other(translator, labels, tmp_path):
    Image.fromarray(np.full((4, 4), 7, np.uint8)).save(tmp_path / "in/bad.png")
    tally = translate_folder(translator, tmp_path / "in", tmp_path / "out")
    assert tally.translated == 3 and len(tally.failures) == 1
    assert "bad.png" in tally.failures[0].text and not (tmp_path / "out/bad.png").exists()


def test_labels_of_other_ids(translator, labels, tmp_path):
    Image.fromarray(labels["a"] * 50).save(tmp_path / "fifties.png")
    options = LabelOptions(label_values={0: 0, 50: 1, 100: 2})
    translate_folder(translator, tmp_path / "fifties.png", tmp_path / "out", labels=options)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out/fifties.png")), translator(labels["a"]))
    with pytest.raises(UserError, match="made with this checkpoint, these options"):
        translate_folder(translator, tmp_path / "fifties.png", tmp_path / "out")


def test_an_image_must_be_able_to_say_which_checkpoint_made_it(translator, labels, tmp_path):
    unnamed = Translator.from_generator(translator.generator, device="cpu")
    with pytest.raises(ValueError, match="translated with a checkpoint"):
        translate_folder(unnamed, tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize(("width", "height"), [(16, 16), (16, 8), (None, None)])
def test_whole_pairs_are_told_by_the_shape_of_the_training(tmp_path, caplog, width, height):
    layout = {"_target_": "asap_lightning.data.layouts.SideBySide", "_partial_": True}
    spec = ConditionSpec("image", channels=3)
    model = make_translator(tmp_path, spec, layout=layout, width=width, height=height)
    Image.fromarray(np.zeros((8, 16, 3), np.uint8)).save(tmp_path / "pair.png")
    FolderTranslation(model, tmp_path / "pair.png", tmp_path / "out")
    assert ("half=source translates their left half" in caplog.text) == (width == height == 16)
