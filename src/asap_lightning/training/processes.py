"""Several processes on one machine: started, watched, and ended together.

Lightning starts one process a device by running the program's own command again. Its watcher kills
everything with SIGKILL as soon as one process ends with an error, its children outlive a main process that
fails, and a second training in the same program finds the environment of the first. `own_processes` gives a
training these manners instead:

- a process that fails ends the others, and the program ends with that process's exit code;
- what it said is said once;
- afterwards the environment is as it was before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from asap_lightning.errors import UserError
from asap_lightning.training.stopping import TrainingInterrupted

MAIN_PROCESS = "ASAP_MAIN_PROCESS"
ENVIRONMENT = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")
USER_MISTAKE = 2
STOPPED = (128 + signal.SIGINT, 128 + signal.SIGTERM)
SPEAK_SECONDS = 2.5
"""What another process waits before it ends with an error, so that the main one may speak first."""
NOTICE_SECONDS = 15.0
"""What the main process is given to notice by itself that another one has failed."""
STOP_SECONDS = 60.0
"""What processes are given to end when all stop in good order."""


class RankLauncher(_SubprocessScriptLauncher):
    """Starts the other processes with a given command, and ends all when one of them fails.

    They are kept in `others`; the list ``procs`` stays empty, so that Lightning's watcher has nothing to do.
    """

    def __init__(self, like: _SubprocessScriptLauncher, command: Sequence[str]) -> None:
        super().__init__(like.cluster_environment, like.num_processes, like.num_nodes)
        self.command = list(command)
        self.others: list[subprocess.Popen[bytes]] = []
        self.finished = threading.Event()

    def _call_children_scripts(self) -> None:
        self._check_can_spawn_children()
        environment = self.cluster_environment
        os.environ.update(
            MASTER_ADDR=environment.main_address,
            MASTER_PORT=str(environment.main_port),
            NODE_RANK=str(environment.node_rank()),
            LOCAL_RANK="0",
            WORLD_SIZE=str(self.num_processes * self.num_nodes),
        )
        for local_rank in range(1, self.num_processes):
            settings = {**os.environ, "LOCAL_RANK": str(local_rank), MAIN_PROCESS: str(os.getpid())}
            self.others.append(subprocess.Popen(self.command, env=settings))
        threading.Thread(target=self._watch, name="process-watch", daemon=True).start()

    def kill(self, signum: Any) -> None:
        """Sends a signal to the other processes."""
        for process in self.others:
            process.send_signal(signum)

    def failure(self) -> tuple[int, int] | None:
        """(rank on this machine, return code) of a process that has ended with an error."""
        codes = [(rank, process.poll()) for rank, process in enumerate(self.others, start=1)]
        return next(((rank, code) for rank, code in codes if code), None)

    def late_failure(self, seconds: float) -> tuple[int, int] | None:
        """The same, waiting for it: a lost connection is noticed before its process has quite ended."""
        limit = time.monotonic() + seconds
        while (failed := self.failure()) is None and self.others and time.monotonic() < limit:
            time.sleep(0.05)
        return failed

    def end_others(self, grace: float) -> None:
        """Waits for the other processes, and kills those that are still there after ``grace`` seconds."""
        self.finished.set()
        limit = time.monotonic() + grace
        for process in self.others:
            try:
                process.wait(timeout=max(0.0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _watch(self) -> None:
        """Ends the program when another process has failed and the main thread waits for it in vain."""
        while not self.finished.wait(0.2):
            failed = self.failure()
            if failed is None:
                continue
            rank, code = failed
            if self.finished.wait(STOP_SECONDS if code in STOPPED else NOTICE_SECONDS):
                return
            try:
                self.kill(signal.SIGKILL)
                print(f"process {rank} has ended with exit code {code}; stopping the others", file=sys.stderr)
            finally:  # also when nobody reads the message
                os._exit(exit_code(code))


def exit_code(code: int) -> int:
    """A process's return code as the shell's: 128 + n for signal n."""
    return code if code >= 0 else 128 - code


@contextmanager
def own_processes(trainer: Trainer, command: Sequence[str]) -> Iterator[None]:
    """A context in which ``trainer.fit`` may start other processes, which end with it.

    Args:
        trainer: with a strategy that starts its processes; with any other nothing changes.
        command: what starts one of the other processes; it must come to the same ``fit``.

    Raises:
        UserError: another process has met a user's mistake, and has said so.
        RuntimeError: another process has died.
    """
    main_process = os.environ.get(MAIN_PROCESS)
    launcher = getattr(trainer.strategy, "_launcher", None)
    if main_process is not None:
        with _led_by(int(main_process)):
            yield
    elif isinstance(launcher, _SubprocessScriptLauncher) and not _started_from_outside(launcher):
        ours = RankLauncher(launcher, command)
        trainer.strategy._launcher = ours
        with _restored_environment(), _ended_together(ours):
            yield
    else:
        yield


def _started_from_outside(launcher: _SubprocessScriptLauncher) -> bool:
    return launcher.cluster_environment.creates_processes_externally


@contextmanager
def _ended_together(launcher: RankLauncher) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # gloo and NCCL say with a RuntimeError that another process is gone.
        failed = launcher.late_failure(STOP_SECONDS / 12) if isinstance(error, RuntimeError) else None
        launcher.end_others(grace=STOP_SECONDS if isinstance(error, TrainingInterrupted) else 0)
        if failed is not None:
            raise _failure_of(*failed, launcher.num_processes) from None
        raise
    except BaseException:
        launcher.end_others(grace=0)
        raise
    else:
        launcher.end_others(grace=STOP_SECONDS)
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _failure_of(rank: int, code: int, processes: int) -> Exception:
    if code == USER_MISTAKE:
        return UserError(f"stopped, because process {rank} of {processes} has met the mistake above")
    return RuntimeError(
        f"process {rank} of {processes} has died with exit code {code}; what it said stands above; "
        "ckpt=last resumes"
    )


@contextmanager
def _restored_environment() -> Iterator[None]:
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in ENVIRONMENT}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _led_by(main_process: int) -> Iterator[None]:
    """In a started process: it ends when the main one is gone, and lets that one speak first."""

    def watch() -> None:
        while os.getppid() == main_process:
            time.sleep(0.5)
        os._exit(exit_code(-signal.SIGKILL))

    threading.Thread(target=watch, name="main-process-watch", daemon=True).start()
    try:
        yield
    except TrainingInterrupted:
        raise
    except Exception:
        time.sleep(SPEAK_SECONDS)  # if the main process has failed too, it ends this one meanwhile
        raise
