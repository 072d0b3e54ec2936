"""Which jobs of a sweep are done: a mark in the job's folder, keyed by its resolved configuration.

A job that failed leaves another mark, with the reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.run_folder.names import FAILED, FINISHED, PRUNED
from asap_lightning.untrusted import read_json

RESUMES = (None, "last", "auto")


def job_key(config: Mapping[str, Any], folder: Path | None = None) -> str:
    """Sixteen hexadecimal digits that stand for a configuration.

    Neither that it resumes nor where it lies makes it another job; a checkpoint file to start from does.

    Args:
        config: plain containers.
        folder: the job's folder, whose path may occur in the configuration.
    """
    same = {name: value for name, value in config.items() if name != "ckpt" or value not in RESUMES}
    text = json.dumps(same, sort_keys=True)
    if folder is not None:
        text = text.replace(json.dumps(str(folder))[1:-1], "")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_finished(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether this very job has come to its end in this folder."""
    try:
        mark = read_json(folder / FINISHED)
    except (FileNotFoundError, UserError):
        return False
    return isinstance(mark, dict) and mark.get("job") == job_key(config, folder)


def mark_finished(
    folder: Path, config: Mapping[str, Any], step: int, *, pruned: bool = False, **more: Any
) -> None:
    """Leaves the mark, after the last checkpoint.

    Args:
        folder: of the job.
        config: plain containers.
        step: generator updates done.
        pruned: whether a study has ended the job early; the mark is then ``pruned.json``, because another
            sweep may still want it whole.
        more: what else a report should know, such as ``trial`` and ``latency_ms``.
    """
    with atomic_write(folder / (PRUNED if pruned else FINISHED), "w") as file:
        json.dump({"job": job_key(config, folder), "step": step, **more}, file)


def mark_failed(folder: Path, reason: str) -> None:
    """Leaves why a job has failed, for `asap report sweep`."""
    with atomic_write(folder / FAILED, "w") as file:
        json.dump({"error": reason}, file)


def forget_failure(folder: Path) -> None:
    """A job is tried again."""
    (folder / FAILED).unlink(missing_ok=True)
