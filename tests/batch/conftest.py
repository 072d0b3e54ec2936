"""A model in a file, and label maps, that the tests of batches share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import small
from asap_lightning.batch import Setup
from asap_lightning.checkpoint import ENTRY, ModelDescription
from asap_lightning.condition import ConditionSpec
from asap_lightning.inference import Translator
from asap_lightning.inference.origin import digest

SPEC = ConditionSpec("label", num_classes=3)
COUNT = 6


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of label maps of three classes."""
    torch.manual_seed(0)
    generator = small.asap_generator(SPEC)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    description = ModelDescription(
        SPEC.as_dict(), {"_target_": "asap_lightning.models.AsapGenerator", **small.ASAP}
    )
    path = tmp_path_factory.mktemp("model") / "model.ckpt"
    state = {f"generator.{name}": value for name, value in generator.state_dict().items()}
    torch.save({"state_dict": state, ENTRY: description.as_dict()}, path)
    return path


@pytest.fixture(scope="session")
def translator(checkpoint: Path) -> Translator:
    return Translator(checkpoint, device="cpu")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Six label maps, 0.png to 5.png, the pixels of each of its own kind."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(COUNT):
        ids = np.random.default_rng(number).integers(0, 3, (8, 12), dtype=np.uint8)
        Image.fromarray(ids).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def setup(checkpoint: Path, tmp_path: Path) -> Setup:
    """On the CPU, to the folder ``out``."""
    return Setup(checkpoint, digest(checkpoint), tmp_path / "out", device="cpu")
