"""A valid checkpoint to spoil, a canary that must not be touched, and a bound on memory."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import small
from asap_lightning.checkpoint import ENTRY, ModelDescription
from asap_lightning.condition import ConditionSpec

SPEC = ConditionSpec(num_classes=4)
GENERATOR = {"_target_": "asap_lightning.models.AsapGenerator", **small.ASAP}
MOST_MEMORY = 300 * 2**20
"""Bytes that refusing a file may take beyond what the process has had before."""

Spoil = Callable[..., Path]


def described(**changes: Any) -> dict[str, Any]:
    """The entry of a valid checkpoint, with changes."""
    config = {
        "data": {
            "_target_": "asap_lightning.data.PairedDataModule",
            "_convert_": "all",
            "root": "data/demo",
            "layout": {"_target_": "asap_lightning.data.layouts.CmpFacades", "_partial_": True},
            "height": 16,
            "width": 16,
        }
    }
    return {**ModelDescription(SPEC.as_dict(), GENERATOR, config=config).as_dict(), **changes}


@pytest.fixture(scope="session")
def weights() -> dict[str, torch.Tensor]:
    """Of a small generator, as training names them."""
    torch.manual_seed(0)
    return {f"generator.{k}": v for k, v in small.asap_generator(SPEC).state_dict().items()}


@pytest.fixture
def spoil(tmp_path: Path, weights: dict[str, torch.Tensor]) -> Spoil:
    """Writes a checkpoint whose entry has changes, or that has other parts beside it."""

    def write(parts: dict[str, Any] | None = None, **changes: Any) -> Path:
        path = tmp_path / "model.ckpt"
        checkpoint = {"state_dict": weights, "epoch": 0, "global_step": 0, ENTRY: described(**changes)}
        torch.save({**checkpoint, **(parts or {})}, path)
        return path

    return write


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that must be there, as it was, when the test is over; the working folder is empty beside it."""
    path = tmp_path / "canary"
    path.write_text("alive")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    yield path
    assert path.read_text() == "alive"
    assert not list((tmp_path / "cwd").iterdir())


@pytest.fixture
def bounded() -> Iterator[None]:
    """The peak of this process's memory grows by little."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < MOST_MEMORY, f"{grown / 2**20:.0f} MiB"
