"""A training that is killed at any moment goes on as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

import small
from asap_lightning import cli
from asap_lightning.training import read_checkpoint

KILLS = int(os.environ.get("ASAP_TEST_KILLS", "5"))
STEPS = 20
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

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Any:
    """Starts processes that have imported everything already, so that a start costs no ten seconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["asap_lightning.commands.train", "asap_lightning.data.demo"])
    return context


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight facades: seven to train on (three batches an epoch, one pair over), one to validate."""
    from asap_lightning.data.demo import write_demo_dataset

    root = tmp_path_factory.mktemp("facades") / "demo"
    write_demo_dataset(root, count=8, size=32, workers=1, progress=False)
    return root


def start(server: Any, pairs: Path, run: Path, *overrides: str) -> BaseProcess:
    """``asap train`` in ``run``, in a process of its own."""
    arguments = ["train", *TRAIN, f"data.root={pairs}", f"hydra.run.dir={run}", *overrides]
    process: BaseProcess = server.Process(target=cli.main, args=(arguments,))
    process.daemon = True  # whatever fails here, it does not outlive the tests
    process.start()
    return process


def finished(process: BaseProcess) -> int | None:
    process.join(timeout=200)
    return process.exitcode


def last(run: Path) -> Path:
    return run / "checkpoints" / "last.ckpt"


def wait_for_checkpoint(process: BaseProcess, run: Path, newer_than: int = 0) -> None:
    limit = time.monotonic() + 200
    while not last(run).exists() or last(run).stat().st_mtime_ns <= newer_than:
        assert process.is_alive() and time.monotonic() < limit, "the training wrote no checkpoint"
        time.sleep(0.005)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def assert_same_training(run: Path, other: Path, steps: int) -> None:
    """Weights of both networks and of the average, optimizers and random numbers are equal bit for bit."""
    mine, theirs = read_checkpoint(last(run)), read_checkpoint(last(other))
    assert mine["global_step"] == theirs["global_step"] == steps
    for part in ("state_dict", "optimizer_states", "random_states", "PairedDataModule"):
        assert same(mine[part], theirs[part]), part


def test_resuming_after_kill_9_equals_an_uninterrupted_training(
    server: Any, pairs: Path, tmp_path: Path
) -> None:
    limit = f"trainer.max_steps={STEPS}"
    assert finished(start(server, pairs, tmp_path / "whole", limit)) == 0
    process = start(server, pairs, tmp_path / "killed", limit)
    wait_for_checkpoint(process, tmp_path / "killed")
    process.kill()
    assert finished(process) == -signal.SIGKILL
    assert 0 < read_checkpoint(last(tmp_path / "killed"))["global_step"] < STEPS
    assert finished(start(server, pairs, tmp_path / "killed", limit)) == 0
    assert_same_training(tmp_path / "killed", tmp_path / "whole", STEPS)


def test_kill_9_while_checkpoints_are_written_loses_nothing(server: Any, pairs: Path, tmp_path: Path) -> None:
    """A checkpoint follows every update, and kills fall at random moments between and inside of them."""
    steps, chance = 20 + 15 * KILLS, random.Random(0)
    overrides = (f"trainer.max_steps={steps}", "checkpoint.keep_every_n_steps=1")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert finished(start(server, pairs, whole, *overrides)) == 0
    reached = [0]
    for _ in range(KILLS):
        before = last(killed).stat().st_mtime_ns if last(killed).exists() else 0
        process = start(server, pairs, killed, *overrides)
        wait_for_checkpoint(process, killed, newer_than=before)
        time.sleep(chance.uniform(0, 0.25))
        process.kill()
        assert finished(process) == -signal.SIGKILL
        reached.append(read_checkpoint(last(killed))["global_step"])  # whole, whenever the kill fell
    assert all(later > earlier for earlier, later in pairwise(reached)), reached
    assert finished(start(server, pairs, killed, *overrides)) == 0
    assert_same_training(killed, whole, steps)
    assert not list(killed.glob("checkpoints/.*")), "what a kill left half written is cleared away"
    print(f"{KILLS} kills after steps {reached[1:]}, {steps} steps: bit for bit the same")


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_stopped_training_resumes_exactly(
    server: Any, pairs: Path, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    """The next checkpoint by the interval is far away: the one that is there was written for the signal."""
    run, overrides = tmp_path / "stopped", ("checkpoint.every_n_steps=100000",)
    process = start(server, pairs, run, *overrides)
    limit = time.monotonic() + 200
    while not (run / "checkpoints/best.ckpt").exists():  # of the first validation
        assert process.is_alive() and time.monotonic() < limit
        time.sleep(0.01)
    os.kill(process.pid or 0, sent)
    assert finished(process) == code
    assert f"stopped by {sent.name}; resume with ckpt={last(run)}" in (run / "train.log").read_text()
    steps = read_checkpoint(last(run))["global_step"] + 3
    assert finished(start(server, pairs, run, *overrides, f"trainer.max_steps={steps}")) == 0
    whole = tmp_path / "whole"
    assert finished(start(server, pairs, whole, *overrides, f"trainer.max_steps={steps}")) == 0
    assert_same_training(run, whole, steps)
