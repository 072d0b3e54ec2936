"""One run a job: closes every logger's run when the job ends, however it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.tracking.artifacts import known_artifact
from asap_lightning.training.stopping import TrainingInterrupted


def exit_code_of(error: BaseException) -> int:
    """The exit code a program would end with.

    128 + n for signal n (130 for Ctrl-C), 2 for a user's mistake, the code of SystemExit, else 1.
    """
    if isinstance(error, TrainingInterrupted):
        return 128 + error.signal_number
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, UserError):
        return 2
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return 1


@contextmanager
def finished_runs(loggers: Iterable[Any]) -> Iterator[None]:
    """Finishes the loggers' runs when the block ends: with code 0, or that of what was raised.

    Without it the jobs of a Hydra multirun, which share a process, would write into one W&B run.
    Loggers without a ``finish(exit_code)`` method are left alone.
    """
    kept = list(loggers)
    try:
        yield
    except BaseException as error:
        _finish(kept, exit_code_of(error))
        raise
    _finish(kept, 0)


def note_input(loggers: Iterable[Any], role: str, checkpoint: str | Path | None) -> None:
    """Tells the loggers that keep a lineage (W&B) which checkpoint the run is made from.

    Args:
        loggers: any; those without a ``use_checkpoint`` method are left alone.
        role: ``resume``, ``initialize``, ``evaluate``, ``predict``.
        checkpoint: a file, or None for none.
    """
    if checkpoint is None:
        return
    for logger in loggers:
        use = getattr(logger, "use_checkpoint", None)
        if callable(use):
            use(role, checkpoint, known_artifact(checkpoint))


def _finish(loggers: Iterable[Any], exit_code: int) -> None:
    for logger in loggers:
        finish = getattr(logger, "finish", None)
        if callable(finish):
            finish(exit_code=exit_code)
