"""A training that is killed at any moment goes on as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import small
from asap_lightning.training import read_checkpoint
from equal import same
from waiting import wait_for
from warm import AsapProcess

KILLS = int(os.environ.get("ASAP_TEST_KILLS", "3"))
TRAIN = (
    *small.NETWORK,
    *small.QUIET,
    *small.data(32),
    "training.ema=0.9",
    "training.schedule.unit=step",
    "training.schedule.constant=5",
    "training.schedule.decay=2000",
    "optimizer.generator.lr=0.001",
    "data.mode=resize_and_crop",
    "trainer.max_epochs=-1",
    "checkpoint.every_n_steps=1",
    "ckpt=auto",
)

Start = Callable[..., AsapProcess]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight facades: seven to train on (three batches an epoch, one pair over), one to validate."""
    from asap_lightning.data.demo import write_demo_dataset

    root = tmp_path_factory.mktemp("facades") / "demo"
    write_demo_dataset(root, count=8, size=32, workers=1, progress=False)
    return root


@pytest.fixture
def start(pairs: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts ``asap train`` in a run's folder; no process outlives the test."""
    started: list[AsapProcess] = []

    def call(run: Path, *overrides: str) -> AsapProcess:
        arguments = ["train", *TRAIN, f"data.root={pairs}", f"hydra.run.dir={run}", *overrides]
        started.append(AsapProcess(arguments, tmp_path))
        return started[-1]

    yield call
    for process in started:
        process.close()


def last(run: Path) -> Path:
    return run / "checkpoints" / "last.ckpt"


def assert_same_training(run: Path, other: Path, steps: int) -> None:
    """Weights of both networks and of the average, optimizers and random numbers are equal bit for bit."""
    mine, theirs = read_checkpoint(last(run)), read_checkpoint(last(other))
    assert mine["global_step"] == theirs["global_step"] == steps
    for part in ("state_dict", "optimizer_states", "random_states", "PairedDataModule"):
        assert same(mine[part], theirs[part]), part


def test_kill_9_while_checkpoints_are_written_loses_nothing(start: Start, tmp_path: Path) -> None:
    """A checkpoint follows every update, and kills fall at random moments between and inside of them."""
    steps, chance = 20 + 15 * KILLS, random.Random(0)
    overrides = (f"trainer.max_steps={steps}", "checkpoint.keep_every_n_steps=1")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole, *overrides).ended() == 0
    reached = [0]
    for _ in range(KILLS):
        before = last(killed).stat().st_mtime_ns if last(killed).exists() else 0
        process = start(killed, *overrides)
        process.waits_for(last(killed), newer_than=before)
        later = time.monotonic() + chance.uniform(0, 0.25)
        wait_for(lambda moment=later: time.monotonic() > moment, "a random moment has come")
        process.kill()
        assert process.ended() == -signal.SIGKILL
        reached.append(read_checkpoint(last(killed))["global_step"])  # whole, whenever the kill fell
    assert all(later > earlier for earlier, later in pairwise(reached)), reached
    assert start(killed, *overrides).ended() == 0
    assert_same_training(killed, whole, steps)
    assert not list(killed.glob("checkpoints/.*")), "what a kill left half written is cleared away"
    print(f"{KILLS} kills after steps {reached[1:]}, {steps} steps: bit for bit the same")


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_stopped_training_resumes_exactly(
    start: Start, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    """The next checkpoint by the interval is far away: the one that is there was written for the signal."""
    run, overrides = tmp_path / "stopped", ("checkpoint.every_n_steps=100000",)
    process = start(run, *overrides)
    process.waits_for(run / "checkpoints/best.ckpt")  # of the first validation
    process.send_signal(sent)
    assert process.ended() == code, process.err
    assert "Traceback" not in process.err
    assert sent.name in process.err and "resume with ckpt=" in process.err
    assert f"stopped by {sent.name}; resume with ckpt={last(run)}" in (run / "train.log").read_text()
    steps = read_checkpoint(last(run))["global_step"] + 3
    assert start(run, *overrides, f"trainer.max_steps={steps}").ended() == 0
    whole = tmp_path / "whole"
    assert start(whole, *overrides, f"trainer.max_steps={steps}").ended() == 0
    assert_same_training(run, whole, steps)
