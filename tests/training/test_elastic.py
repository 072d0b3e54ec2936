"""torchrun: one process is killed, the others end, all start again and resume."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import small
from asap_lightning.tracking.offline import find_offline_runs, read_offline_run
from asap_lightning.training import read_checkpoint
from waiting import wait_for

TRAIN = (*small.NETWORK, *small.QUIET, *small.data(batch_size=1))
STEPS = 40


def workers_of(agent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{agent}/task/{agent}/children").read_text().split()]


def rank_of(pid: int) -> str:
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next((entry[5:].decode() for entry in environment if entry.startswith(b"RANK=")), "")


@pytest.mark.ddp
@pytest.mark.long
def test_torchrun_restarts_all_when_one_process_is_killed(tmp_path: Path) -> None:
    from asap_lightning.data.demo import write_demo_dataset

    write_demo_dataset(tmp_path / "data", count=10, size=64, workers=1, progress=False)
    run = tmp_path / "run"
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("--max-restarts", "1", "--monitor-interval", "0.5", "-m", "asap_lightning", "train", *TRAIN),
        *(f"data.root={tmp_path / 'data'}", f"hydra.run.dir={run}", "trainer.devices=2", "logger=wandb"),
        *(f"trainer.max_steps={STEPS}", "trainer.max_epochs=-1", "checkpoint.every_n_steps=5"),
    ]
    # Else torch 2.15 restarts hang: the new processes find the old ones' addresses in the shared store.
    own_store = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline", **own_store}
    last = run / "checkpoints/last.ckpt"
    with open(tmp_path / "said", "w") as said:
        agent = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=said, env=environment)
        try:
            wait_for(lambda: last.exists() or agent.poll() is not None, "the training writes a checkpoint")
            first = workers_of(agent.pid)
            victim = next(pid for pid in first if rank_of(pid) == "1")
            other = next(pid for pid in first if rank_of(pid) == "0")
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda: not Path(f"/proc/{other}").exists(), "the other process ends")
            code = agent.wait(timeout=300)
        finally:
            agent.terminate()  # it ends the processes, too
            agent.wait(timeout=60)
    text = (tmp_path / "said").read_text()
    assert code == 0, text
    assert re.search(r"exitcode: -9\) local_rank: 1", text), "which process died, and of what, is shown"
    assert "resuming from" in (run / "train.log").read_text(), text
    assert read_checkpoint(last)["global_step"] == STEPS
    runs = [read_offline_run(path) for path in find_offline_runs(run)]
    # A segment that was killed before anything reached the disk has no id.
    assert len({one.run_id for one in runs} - {""}) == 1 and runs[-1].exit_code == 0
