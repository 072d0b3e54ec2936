"""Two processes train as one with the same batch does; on a CPU, with gloo."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch

import small
from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.tracking import find_offline_runs, read_offline_run
from asap_lightning.training import read_checkpoint
from equal import same
from waiting import wait_for
from warm import AsapProcess

from .ddp_script import train

SCRIPT = Path(__file__).with_name("ddp_script.py")
STEPS = 5
TRAIN = (*small.NETWORK, *small.QUIET, *small.data(32), "trainer.devices=2")
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "WANDB_MODE": "offline",
    "PYTHONPATH": str(Path(small.__file__).parent),  # of the script
}

pytestmark = [
    pytest.mark.ddp,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*your dataloader is not resumable"),
]


@pytest.fixture(scope="module")
def facades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen pairs: five to validate, thirteen to train."""
    root = tmp_path_factory.mktemp("facades") / "demo"
    write_demo_dataset(root, count=18, size=32, workers=1, progress=False)
    return root


def record(folder: Path, rank: int = 0) -> dict[str, Any]:
    return torch.load(folder / f"record_{rank}.pt", weights_only=True)


def furthest(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    assert a.keys() == b.keys()
    return max(float((a[name].double() - b[name].double()).abs().max()) for name in a)


def rank_variables() -> list[dict[str, str]]:
    """Environments of two processes that a launcher would start; that ours starts one is tested below."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**ENVIRONMENT, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": "0"}
    return [{**shared, "LOCAL_RANK": str(rank)} for rank in range(2)]


@pytest.mark.parametrize(
    ("order", "validated"),
    [("generator_first", 5), pytest.param("discriminator_first", 1, marks=pytest.mark.long)],
    ids=lambda value: str(value),
)
def test_two_processes_equal_one_with_their_batches_together(
    facades: Path, tmp_path: Path, order: str, validated: int
) -> None:
    """In float64, where Adam does not blow up the rounding of gradients.

    With one pair to validate, the second process has none.
    """
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    words = [facades, two, 2, order, STEPS, validated]
    with ExitStack() as started:
        processes = [
            started.enter_context(AsapProcess(words, two, each, SCRIPT)) for each in rank_variables()
        ]
        for process in processes:
            assert process.ended() == 0, process.err
    train(str(facades), str(one), 1, order, STEPS, validated)
    alone, ranks = record(one), [record(two, rank) for rank in range(2)]

    assert furthest(ranks[0]["weights"], ranks[1]["weights"]) == 0
    assert furthest(alone["weights"], ranks[0]["weights"]) < 1e-10
    assert ("val/fd_custom" in alone["validation"]) == (validated > 1), "a set needs two images"
    for rank in ranks:
        assert len(rank["losses"]) == STEPS
        for mine, theirs in zip(alone["losses"], rank["losses"], strict=True):
            assert theirs == pytest.approx(mine, rel=1e-5, abs=1e-6) and len(mine) > 4
        assert rank["validation"] == pytest.approx(alone["validation"], rel=1e-5)
    seen = Counter(ranks[0]["names"]["train"] + ranks[1]["names"]["train"])
    assert seen == Counter(alone["names"]["train"])
    shown = Counter(ranks[0]["names"]["val"] + ranks[1]["names"]["val"])
    assert set(shown) == set(alone["names"]["val"]) and len(shown) == validated
    assert ranks[0]["noise"] != ranks[1]["noise"], "every process draws numbers of its own"

    assert [path.name for path in sorted(two.glob("*.ckpt"))] == ["best.ckpt", "last.ckpt"]
    first, second = read_checkpoint(two / "last.ckpt")["random_states"]
    assert not same(first, second), "each goes on with numbers of its own"
    further = tmp_path / "further"
    further.mkdir()
    train(str(facades), str(further), 1, order, STEPS + 1, validated, str(two / "last.ckpt"))
    assert read_checkpoint(further / "last.ckpt")["global_step"] == STEPS + 1
    assert len(record(further)["losses"]) == 1


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def asap_train(facades: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts ``asap train`` with overrides and environment variables; nothing outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*overrides: str, **variables: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "asap_lightning",
            "train",
            *TRAIN,
            f"data.root={facades}",
            *overrides,
        ]
        with open(tmp_path / "out.txt", "w") as out:
            process = subprocess.Popen(
                command,
                cwd=tmp_path,
                env={**ENVIRONMENT, **variables},
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.long
def test_a_multirun_trains_each_job_on_two_processes(asap_train: Start, tmp_path: Path) -> None:
    job = asap_train("-m", "seed=0,1", "trainer.max_steps=2", "logger=wandb")
    _, err = job.communicate(timeout=280)
    assert job.returncode == 0, err
    (sweep,) = tmp_path.glob("runs/*/multirun/*")
    assert [path.name for path in tmp_path.glob("runs/*/*")] == ["multirun"], "no other folder was made"
    folders = sorted(sweep.glob("job_*"), key=lambda path: (path / "train.log").stat().st_mtime)
    for seed, folder in enumerate(folders):
        assert read_checkpoint(folder / "checkpoints/last.ckpt")["global_step"] == 2
        runs = [read_offline_run(path) for path in find_offline_runs(folder)]
        assert [(run.exit_code, run.config["seed"]) for run in runs] == [(0, seed)]
        assert (folder / "train_rank1.log").read_text().count("generator") == 1
    assert len(folders) == 2
    assert err.count("generator 0.0 M parameters") == 2, "only the first process speaks"


def wait_for_checkpoint(path: Path, process: subprocess.Popen[str], newer_than: int = 0) -> None:
    def written() -> bool:
        assert process.poll() is None, f"it ended with {process.poll()} before it wrote a checkpoint"
        return path.exists() and path.stat().st_mtime_ns > newer_than

    wait_for(written, "the training writes a checkpoint")


def rank_one(process: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    environments = {int(pid): Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in children}
    return next(pid for pid, variables in environments.items() if b"LOCAL_RANK=1" in variables)


def gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    try:
        return "State:\tZ" in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


LONG = ("hydra.run.dir=run", "ckpt=auto", "checkpoint.every_n_steps=4", "trainer.max_epochs=-1")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
def test_whichever_process_ends_ends_the_other_and_the_run_goes_on(asap_train: Start, tmp_path: Path) -> None:
    last = tmp_path / "run/checkpoints/last.ckpt"
    process = asap_train(*LONG)
    wait_for_checkpoint(last, process)
    other = rank_one(process)
    process.send_signal(signal.SIGTERM)  # as a scheduler does, to the first process alone
    _, err = process.communicate(timeout=200)
    assert process.returncode == 143 and gone(other), err
    assert "Traceback" not in err and err.count("stopping after this step") == 1
    stopped_at, before = read_checkpoint(last)["global_step"], last.stat().st_mtime_ns

    process = asap_train(*LONG)
    wait_for_checkpoint(last, process, newer_than=before)
    other = rank_one(process)
    os.kill(other, signal.SIGKILL)
    _, err = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "process 1 of 2 has died with exit code -9" in err and "ckpt=last resumes" in err
    assert read_checkpoint(last)["global_step"] > stopped_at
    before = last.stat().st_mtime_ns

    process = asap_train(*LONG)
    wait_for_checkpoint(last, process, newer_than=before)
    other = rank_one(process)
    process.kill()
    process.communicate(timeout=200)
    wait_for(lambda: gone(other), "the other process ends with the first")


BROKEN_ON_RANK_1 = """
import os
if os.environ.get("LOCAL_RANK") == "1":
    from asap_lightning.data.layouts.cmp import CmpFacades
    from asap_lightning.errors import UserError
    def read(self, item):
        raise UserError(f"{item.name}.jpg is cut short")
    CmpFacades.read = read
"""


def test_a_mistake_that_one_process_meets_is_told_once(facades: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(BROKEN_ON_RANK_1)
    variables = {**ENVIRONMENT, "PYTHONPATH": str(tmp_path / "site")}
    with AsapProcess(["train", *TRAIN, f"data.root={facades}", *LONG], tmp_path, variables) as process:
        assert process.ended() == 2, process.err
    err = process.err
    assert err.count(".jpg is cut short") == 1 and "Traceback" not in err
    assert "process 1 of 2 has met the mistake above" in err
