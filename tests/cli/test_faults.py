"""What goes wrong in a long training, and what the program then leaves and says."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from asap_lightning.tracking import find_offline_runs, read_offline_run
from asap_lightning.training import checkpoint_io, read_checkpoint


@pytest.fixture
def disk_that_fills_up(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lets three checkpoints be written; in the middle of each further one the disk is full."""
    written: list[int] = []
    original = checkpoint_io.atomic_write

    @contextmanager
    def atomic_write(path: Path, mode: str = "wb") -> Iterator[IO[bytes]]:
        written.append(1)
        with original(path, mode) as file:
            yield _Full(file, room=20_000) if len(written) > 3 else file  # type: ignore[misc]

    monkeypatch.setattr(checkpoint_io, "atomic_write", atomic_write)
    return written


class _Full:
    """A file on a disk with room for so many bytes."""

    def __init__(self, file: IO[bytes], room: int) -> None:
        self._file, self._room = file, room

    def write(self, content: bytes) -> int:
        self._room -= len(content)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._file.write(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def assert_last_checkpoint_is_whole(run: Path, err: str) -> int:
    assert "Traceback" not in err
    assert f"cannot write the checkpoint {run}/checkpoints/" in err and "the disk is full" in err
    assert "the previous checkpoint is intact" in err and "ckpt=last" in err
    assert not list(run.glob("checkpoints/.*")), "no half-written file stays"
    return int(read_checkpoint(run / "checkpoints/last.ckpt")["global_step"])


def test_a_full_disk_leaves_the_previous_checkpoint(
    train, tmp_path: Path, disk_that_fills_up: list[int]
) -> None:
    run = tmp_path / "run"
    overrides = (f"hydra.run.dir={run}", "checkpoint.every_n_steps=1", "trainer.max_steps=8")
    shown = train(*overrides, "checkpoint.monitor=null")
    assert shown.code == 2, shown.err
    assert len(disk_that_fills_up) == 4
    assert assert_last_checkpoint_is_whole(run, shown.err) == 3


def test_a_full_disk_of_its_own(train, tmp_path: Path) -> None:
    """The same on a real, small file system."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], capture_output=True, text=True, check=False
    ) if sys.platform == "linux" else None  # fmt: skip
    if mounted is None or mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted and mounted.stderr.strip()}")
    try:
        shown = train(
            f"hydra.run.dir={disk}/run", "checkpoint.every_n_steps=1", "checkpoint.keep_every_n_steps=1",
            "checkpoint.monitor=null", "trainer.max_steps=100",
        )  # fmt: skip
        assert shown.code == 2, shown.err
        reached = assert_last_checkpoint_is_whole(disk / "run", shown.err)
        assert 0 < reached < 100
        for kept in (disk / "run/checkpoints").glob("step_*.ckpt"):
            kept.unlink()
        more = f"trainer.max_steps={reached + 2}"
        assert train(f"hydra.run.dir={disk}/run", "ckpt=last", "checkpoint.monitor=null", more).code == 0
        assert read_checkpoint(disk / "run/checkpoints/last.ckpt")["global_step"] == reached + 2
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_diverging_training_names_the_term_and_keeps_the_last_good_checkpoint(
    train, tmp_path: Path
) -> None:
    overrides = ("hydra.run.dir=run", "checkpoint.every_n_steps=1", "trainer.max_steps=50")
    shown = train(*overrides, "optimizer.generator.lr=1e30")
    assert shown.code == 2 and "Traceback" not in shown.err
    assert re.search(r"diverged after \d+ generator updates: loss_[gd]/\w+ = (nan|inf)", shown.err), shown.err
    assert "learning rate" in shown.err
    last = tmp_path / "run/checkpoints/last.ckpt"
    if last.exists():
        state = read_checkpoint(last)["state_dict"]
        assert all(bool(value.isfinite().all()) for value in state.values() if value.is_floating_point())


def test_a_multirun_leaves_one_finished_wandb_run_a_job(
    train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    overrides = ("trainer.max_steps=2", "trainer.log_every_n_steps=1", "logger=wandb")
    shown = train("-m", "generator.mlp_width=4,8", *overrides)
    assert shown.code == 0, shown.err
    runs = [read_offline_run(path) for path in find_offline_runs(tmp_path / "runs")]
    assert sorted(run.config["generator"]["mlp_width"] for run in runs) == [4, 8]
    assert len({run.run_id for run in runs}) == 2 and [run.exit_code for run in runs] == [0, 0]
    for run in runs:
        assert [step for step, _ in run.series("loss_g/total")] == [1, 2]


def test_a_failed_job_ends_its_wandb_run_as_failed_and_the_next_one_is_made(
    train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    overrides = ("trainer.max_steps=3", "trainer.log_every_n_steps=1", "logger=wandb")
    shown = train("-m", "optimizer.generator.lr=1e30,1e-4", *overrides)
    assert shown.code == 2
    runs = [read_offline_run(path) for path in find_offline_runs(tmp_path / "runs")]
    codes = {run.config["optimizer"]["generator"]["lr"]: run.exit_code for run in runs}
    assert codes == {1e30: 2, 1e-4: 0}
