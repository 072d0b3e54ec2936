"""Models and label maps that the tests of videos share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import small
from asap_lightning.condition import ConditionSpec
from asap_lightning.inference import Translator

pytest.importorskip("av")


def make_translator(spec: ConditionSpec) -> Translator:
    generator = small.asap_generator(spec)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    return Translator.from_generator(generator, device="cpu")


@pytest.fixture(scope="session")
def translator() -> Translator:
    """Of label maps of three classes."""
    torch.manual_seed(0)
    return make_translator(ConditionSpec("label", num_classes=3))


@pytest.fixture(scope="session")
def painter() -> Translator:
    """Of pictures."""
    torch.manual_seed(0)
    return make_translator(ConditionSpec("image", channels=3))


@pytest.fixture(scope="session")
def maps() -> list[NDArray[np.uint8]]:
    """Six label maps, 16 x 24, of a scene that moves to the left."""
    wide = np.random.default_rng(0).integers(0, 3, (4, 20), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    return [wide[:, 2 * t : 2 * t + 24].copy() for t in range(6)]
