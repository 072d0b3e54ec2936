"""A small bank, and copies of it to spoil."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asap_lightning.condition import ConditionSpec
from asap_lightning.segments.bank import Bank
from asap_lightning.segments.regions import regions_of
from asap_lightning.segments.writer import BankWriter
from banks import FRAME, SPEC, draw_label, draw_photo

MakeBank = Callable[..., Bank]


@pytest.fixture(scope="session")
def make_bank(tmp_path_factory: pytest.TempPathFactory) -> MakeBank:
    """Writes a bank of drawn layouts: ``images`` of them, in the frame's size."""

    def make(images: int = 12, frame: tuple[int, int] = FRAME, spec: ConditionSpec = SPEC) -> Bank:
        folder = tmp_path_factory.mktemp("banks") / "bank"
        writer = BankWriter(folder, spec, frame, min_area=4)
        for seed in range(images):
            label = draw_label(seed, frame)
            regions = regions_of(label, spec.num_classes, min_area=4)
            writer.add(f"train/{seed}", label, draw_photo(seed, frame), regions)
        writer.finish("drawn", np.zeros((spec.label_channels, 3), np.uint8))
        return Bank(folder)

    return make


@pytest.fixture(scope="session")
def bank(make_bank: MakeBank) -> Bank:
    """A bank of twelve layouts; class 3 (car) has no segment."""
    return make_bank()


@pytest.fixture
def copied(bank: Bank, tmp_path: Path) -> Path:
    """A copy of the bank's folder, to spoil."""
    return Path(shutil.copytree(bank.folder, tmp_path / "bank"))
