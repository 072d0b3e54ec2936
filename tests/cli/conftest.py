"""Running ``asap`` inside the test process, and the small data and model that these tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

import small
from asap_lightning import cli
from calling import Asap, Outcome, caller


@pytest.fixture
def asap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Asap:
    """Calls ``asap ARGUMENTS`` in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return caller(capfd)


@pytest.fixture(scope="session")
def facades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten drawn facades of 64 x 64: nine to train on, one to validate."""
    from asap_lightning.data.demo import write_demo_dataset

    root = tmp_path_factory.mktemp("facades") / "demo"
    write_demo_dataset(root, count=10, size=64, workers=1, progress=False)
    return root


@pytest.fixture(scope="session")
def bank(facades: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A memory bank of the nine facades that are trained on."""
    out = tmp_path_factory.mktemp("banks") / "bank"
    words = (*small.FACADES, f"data.root={facades}", f"out={out}", "--min-area", "6")
    assert cli.main(["data", "segments", *words]) == 0
    return out


@pytest.fixture(scope="session")
def sims_run(facades: Path, bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a SIMS generator, after one epoch."""
    folder = tmp_path_factory.mktemp("sims") / "run"
    words = (f"data.root={facades}", f"data.bank={bank}", "trainer.max_epochs=1", f"hydra.run.dir={folder}")
    assert cli.main(["train", *small.SIMS, *words]) == 0
    return folder


@pytest.fixture
def train(asap: Asap, facades: Path) -> Asap:
    """``asap train`` of the small model on the small data, with further overrides."""

    def call(*overrides: object) -> Outcome:
        return asap("train", *small.TRAIN, f"data.root={facades}", *overrides)

    return call


@pytest.fixture(scope="session")
def trained(facades: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one epoch."""
    run = tmp_path_factory.mktemp("trained") / "run"
    overrides = (f"data.root={facades}", "trainer.max_epochs=1", f"hydra.run.dir={run}")
    assert cli.main(["train", *small.TRAIN, *overrides]) == 0
    return run
