"""Jobs that a scheduler starts a second time: they go on, and submitit's are handed back to it."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from pathlib import Path

from asap_lightning.run_folder.names import REQUEUED

log = logging.getLogger(__name__)

RESTARTS = ("SLURM_RESTART_COUNT", "TORCHELASTIC_RESTART_COUNT")


def was_requeued(folder: Path) -> bool:
    """Whether a scheduler has started this run before, so that it goes on without ``ckpt=auto``.

    SLURM and torchrun count restarts in the environment; submitit's local executor does not.
    """
    return (folder / REQUEUED).exists() or any(
        os.environ.get(name, "0") not in ("", "0") for name in RESTARTS
    )


def warn_of_shared_store() -> None:
    """Says, before it is too late, that torchrun's next restart would hang.

    torchrun of torch 2.15 keeps one store for all restarts, in which the new processes find the addresses of
    the old ones; they then wait for these until the connection's timeout, half an hour later.
    """
    shared = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    if shared and os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0":
        log.warning(
            "torchrun --max-restarts needs the environment variable TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1; "
            "without it the processes of a restart wait for those that are gone"
        )


def hand_back(number: int, folder: Path) -> None:
    """After the checkpoint of a stop by signal ``number``: asks submitit to start the job again.

    Submitit sends itself SIGUSR2 (or what SUBMITIT_PREEMPT_SIGNAL says) before a job's time is over; its
    handler puts the job back into the queue and ends the process. Where there is no handler nothing happens.

    Raises:
        SystemExit: submitit's.
    """
    handler = signal.getsignal(number)
    if "SUBMITIT_EXECUTOR" not in os.environ or number == signal.SIGTERM or not callable(handler):
        return
    if handler is signal.default_int_handler:
        return
    (folder / REQUEUED).touch()
    handler(number, None)


def forget_requeue(folder: Path) -> None:
    """Removes the mark: the run has ended."""
    with suppress(FileNotFoundError):
        (folder / REQUEUED).unlink()
