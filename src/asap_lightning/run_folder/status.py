"""What has become of a run, by the marks and the last words in its folder: one rule for every report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, NamedTuple

from asap_lightning.errors import UserError
from asap_lightning.run_folder import names
from asap_lightning.untrusted import read_json

Kind = Literal["finished", "pruned", "failed", "stopped", "not begun"]
STOPPED_BY = "stopped by "
"""How a training's last line begins when a signal has stopped it."""


class Status(NamedTuple):
    """Where a run stands.

    Attributes:
        kind: ``finished``, ``pruned`` (ended early by a study), ``failed``, ``stopped`` (interrupted, or it
            still runs), ``not begun``.
        reason: why it is not finished, as far as its folder tells; empty if it is.
    """

    kind: Kind
    reason: str = ""


def status_of(folder: Path) -> Status:
    """The status of the run in this folder; its files are only read."""
    if (folder / names.FINISHED).is_file():
        return Status("finished")
    if (folder / names.PRUNED).is_file():
        return Status("pruned", "ended early by its study, because others were better at no higher cost")
    failure = folder / names.FAILED
    if failure.is_file():
        try:
            return Status("failed", str(read_json(failure)["error"]))
        except (UserError, KeyError, TypeError):
            return Status("failed", f"{failure.name} cannot be read")
    if not (folder / names.CONFIG).is_file():
        return Status("not begun", "it has not come to its first step")
    return Status("stopped", _last_words(folder / names.LOG) or "killed, or it still runs")


def _last_words(log: Path) -> str:
    """What a training logs when a signal stops it; empty if it was not."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    last = lines[-1].rpartition("[INFO] ")[2] if lines else ""
    return last if last.startswith(STOPPED_BY) else ""
