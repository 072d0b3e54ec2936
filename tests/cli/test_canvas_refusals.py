"""Commands that have no memory bank to offer refuse a model that completes a canvas before they begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import small
from asap_lightning.checkpoint import ENTRY, ModelDescription
from asap_lightning.condition import ConditionSpec
from asap_lightning.models import SimsGenerator

SPEC = ConditionSpec(num_classes=13)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A SIMS generator as it begins."""
    settings = small.NETWORKS["SimsGenerator"]
    state = {f"generator.{key}": value for key, value in SimsGenerator(SPEC, **settings).state_dict().items()}
    entry = ModelDescription(
        SPEC.as_dict(), {"_target_": "asap_lightning.models.SimsGenerator", **settings}
    ).as_dict()
    path = tmp_path / "sims.ckpt"
    torch.save({"state_dict": state, ENTRY: entry}, path)
    (tmp_path / "in").mkdir()
    Image.fromarray(np.ones((32, 48), np.uint8)).save(tmp_path / "in" / "0.png")
    (tmp_path / "list.txt").write_text("in/0.png\n")
    return path


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("predict", "input=in", "output=out"), "bank=BANK (asap predict, serve, video)"),
        (("predict", "input=list.txt", "output=out"), "no bank is given"),
        (("video", "input=in", "output=out.mp4"), "no bank is given"),
        (("serve", "port=0"), "no bank is given"),
        (("export", "format=web", "output=out"), "format=web: this model completes a canvas"),
    ],
)
def test_it_is_said_before_anything_is_written(asap, checkpoint: Path, command, said: str) -> None:
    outcome = asap(*command, f"ckpt={checkpoint}")
    assert outcome.code == 2 and said in outcome.err, outcome.err
    assert not Path("out").exists() and not Path("out.mp4").exists()


def test_its_weights_are_exported(asap, checkpoint: Path) -> None:
    outcome = asap("export", "format=safetensors", f"ckpt={checkpoint}", "output=out")
    assert outcome.code == 0, outcome.err
    assert (Path("out") / "model.safetensors").is_file()


def test_a_training_names_the_option(asap, facades: Path) -> None:
    network = (
        "generator=sims",
        "generator.width=1",
        "discriminator=none",
        "loss=sims",
        "loss.perceptual=null",
    )
    outcome = asap("train", *network, "loss.l1=1", *small.QUIET, *small.data(), f"data.root={facades}")
    assert outcome.code == 2 and "data.bank is missing" in outcome.err, outcome.err
