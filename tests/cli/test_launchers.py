"""Sweeps through joblib, submitit and a real SLURM."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import small
from asap_lightning.reports.sweep_jobs import read_sweep
from asap_lightning.tracking.offline import find_offline_runs, read_offline_run
from asap_lightning.training import read_checkpoint
from waiting import wait_for

SLURM = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol")


def steps(sweep: Path) -> list[int]:
    return [read_checkpoint(path)["global_step"] for path in sweep.glob("*/checkpoints/last.ckpt")]


@pytest.mark.skipif(find_spec("hydra_plugins.hydra_ray_launcher") is not None, reason="it is installed")
def test_a_launcher_that_is_not_installed(train) -> None:
    shown = train("-m", "seed=0,1", "hydra/launcher=ray")
    assert shown.code == 2 and "pip install ray hydra-ray-launcher" in shown.err


@pytest.mark.long
def test_joblib_gives_each_job_its_finished_run_and_its_log(
    train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    shown = train(
        *("-m", "generator.mlp_width=4,8,16", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
        *("trainer.max_steps=2", "trainer.log_every_n_steps=1", "logger=wandb"),
    )
    assert shown.code == 0, shown.err
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    jobs = list(sweep.glob("job_*"))
    assert len(jobs) == 3
    for job in jobs:
        (run,) = [read_offline_run(path) for path in find_offline_runs(job)]
        assert run.exit_code == 0 and [step for step, _ in run.series("loss_g/total")] == [1, 2]
        assert (job / "train.log").read_text().count("generator 0.0 M parameters") == 1
    assert len({read_offline_run(path).run_id for path in find_offline_runs(sweep)}) == 3


@pytest.mark.long
def test_submitit_resumes_a_preempted_job(train, tmp_path: Path) -> None:
    """Its local executor does what SLURM does: SIGUSR2 before the end, and another start."""

    def preempt() -> None:
        running = tmp_path.glob("runs/demo/multirun/*/.submitit/*/*_log.out")
        written = "runs/demo/multirun/*/*/checkpoints/last.ckpt"
        wait_for(lambda: list(tmp_path.glob(written)), "the job writes a checkpoint")
        controller = next(running).parent.name
        children = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGUSR2)

    watcher = threading.Thread(target=preempt)
    watcher.start()
    shown = train(
        *("-m", "generator.mlp_width=8", "hydra/launcher=submitit_local", "trainer.max_steps=150"),
        *("trainer.max_epochs=-1", "checkpoint.every_n_steps=5"),
    )
    watcher.join()
    assert shown.code == 0, shown.err
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    (job,) = sweep.glob("job_*")
    said = (job / "train.log").read_text()
    assert "stopped by SIGUSR2" in said and "resuming from" in said
    assert steps(sweep) == [150] and (job / "finished.json").is_file() and not (job / "requeued").exists()


@pytest.fixture
def slurm(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    missing = [program for program in SLURM if shutil.which(program) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"a SLURM of one's own needs root and {', '.join(missing) or 'slurm-wlm'}")
    script, folder = repository / "scripts/slurm/one_node.sh", tmp_path / "slurm"
    # More CPUs than there are: jobs must not wait for each other on a small machine.
    started = subprocess.run([script, "start", folder, "4"], capture_output=True, text=True)
    if started.returncode:
        pytest.skip(f"SLURM does not start here: {started.stderr[-500:]}")
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    yield
    subprocess.run(["scancel", "--quiet", "--user=root"], timeout=30, check=False)
    subprocess.run([script, "stop", folder], check=True)


def asap(*words: str) -> list[str]:
    return [sys.executable, "-m", "asap_lightning", *words]


@pytest.mark.long
def test_slurm_runs_a_sweep_and_resumes_what_it_requeues(slurm: None, facades: Path, tmp_path: Path) -> None:
    overrides = (
        *("-m", "generator.s2=4,8", "generator.mlp_width=4,8", "hydra/launcher=slurm"),
        *("hydra.launcher.cpus_per_task=1", "hydra.launcher.array_parallelism=2", "trainer.max_steps=120"),
        *("trainer.max_epochs=-1", "checkpoint.every_n_steps=5", f"data.root={facades}"),
    )
    command = asap("train", *small.TRAIN, *overrides)
    with open(tmp_path / "said", "w") as said:
        sweeper = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=said)
        try:
            begun = "runs/demo/multirun/*/*/checkpoints/last.ckpt"
            wait_for(lambda: len(list(tmp_path.glob(begun))) >= 2, "two jobs write checkpoints")
            (sweep,) = tmp_path.glob("runs/demo/multirun/*")
            array = next(path.name.split("_")[0] for path in (sweep / ".submitit").glob("*_0"))
            # One is warned, as before its time is over; the other is thrown out, as when its node is needed.
            warned = subprocess.Popen(["scancel", "--quiet", "--signal=USR2", f"{array}_0"])
            subprocess.run(["scontrol", "requeue", f"{array}_1"], check=True, timeout=60)
            assert sweeper.wait(timeout=400) == 0, (tmp_path / "said").read_text()
            warned.wait(timeout=60)
        finally:
            sweeper.kill()
            sweeper.wait()
    assert steps(sweep) == [120] * 4
    assert [job.status for job in read_sweep(sweep)] == ["finished"] * 4
    logs = [path.read_text() for path in sweep.glob("job_*/train.log")]
    assert sum("resuming from" in log for log in logs) == 2, logs
    assert sum("stopped by SIGUSR2" in log for log in logs) == 1


@pytest.mark.slow
def test_slurm_takes_the_batch_script(slurm: None, repository: Path, tmp_path: Path) -> None:
    script = repository / "scripts/slurm/train.sbatch"
    one_task = ("--nodes=1", "--ntasks-per-node=1", "--gres=none", "--cpus-per-task=1", "--mem=0")
    command = ["sbatch", "--test-only", *one_task, str(script), "experiment=demo"]
    tested = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert tested.returncode == 0 and "to start at" in tested.stderr, tested.stderr
