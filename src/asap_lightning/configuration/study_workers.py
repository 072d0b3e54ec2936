"""Several processes on one machine that work on the same study."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from asap_lightning.configuration.quoting import quoted
from asap_lightning.sweeping.study import SharedStudy

log = logging.getLogger(__name__)

OWN_TO_THE_FIRST = ("hydra.sweeper.workers", "hydra.sweep.dir", "hydra.mode")
FINISHED = ("COMPLETE", "FAIL")


def worker_command(config: DictConfig) -> list[str]:
    """What makes another process work on the study of this sweep, alone."""
    hydra = config.hydra
    words = [sys.executable, "-m", "asap_lightning", str(hydra.job.config_name), *hydra.overrides.task]
    words += [word for word in hydra.overrides.hydra if not word.lstrip("+~").startswith(OWN_TO_THE_FIRST)]
    words += [f"hydra.sweep.dir={quoted(str(Path(hydra.sweep.dir).absolute()))}"]
    words += ["hydra.sweeper.workers=1", "hydra.mode=MULTIRUN"]
    for source in hydra.runtime.config_sources:
        if source.provider == "command-line":
            words += ["--config-dir", source.path]
    return words


def worker_environment(workers: int) -> dict[str, str]:
    """This process's environment, with the machine's cores divided among the workers."""
    share = max(1, len(os.sched_getaffinity(0)) // workers)
    return {"OMP_NUM_THREADS": str(share), **os.environ}


def run_workers(config: DictConfig, study: SharedStudy, count: int) -> None:
    """Starts the workers, says what they finish, and waits for them.

    What a worker says goes to ``worker_<n>.log`` in the sweep's folder. Ctrl-C and SIGTERM reach all of
    them; each stops in good order, and this process when they all have.

    Raises:
        SystemExit: with the exit code of a worker that did not end with 0.
    """
    command, environment = worker_command(config), worker_environment(count)
    workers = []
    seen = {trial.number for trial in study.trials() if trial.state.name in FINISHED}
    for number in range(1, count + 1):
        with open(study.folder / f"worker_{number}.log", "ab") as said:
            workers.append(
                subprocess.Popen(command, stdout=said, stderr=said, env=environment, start_new_session=True)
            )
    log.info("%d workers; what they say: %s", count, study.folder / "worker_*.log")
    with _signals_passed_on(workers):
        while any(worker.poll() is None for worker in workers):
            time.sleep(0.5)
            seen |= _say_finished(study, seen)
    codes = [worker.returncode for worker in workers]
    for number, code in enumerate(codes, start=1):
        if code:
            log.error("worker %d has ended with exit code %d; see worker_%d.log", number, code, number)
    failed = next((code for code in codes if code), 0)
    if failed:
        raise SystemExit(failed if failed > 0 else 128 - failed)


def _say_finished(study: SharedStudy, seen: set[int]) -> set[int]:
    new = {trial.number: trial for trial in study.trials() if trial.state.name in FINISHED}
    for number in sorted(new.keys() - seen):
        trial = new[number]
        values = " ".join(f"{key}={value}" for key, value in trial.params.items())
        result = ", ".join(f"{value:.5g}" for value in trial.values or ()) or "failed"
        log.info("trial %d: %s: %s", number, values, result)
    return set(new)


@contextmanager
def _signals_passed_on(workers: list[subprocess.Popen[bytes]]) -> Iterator[None]:
    def pass_on(number: int, frame: Any) -> None:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    before: Mapping[int, Any] = {
        number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
