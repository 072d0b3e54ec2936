"""Uploads runs that were logged offline, or whose uploads were not done in time, with ``wandb sync``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from asap_lightning.errors import UserError
from asap_lightning.tracking.artifacts import TYPE
from asap_lightning.tracking.offline import OfflineRun, is_closed, read_offline_run
from asap_lightning.tracking.wandb import UNFINISHED

State = Literal["pending", "synced", "open"]
OPEN_SECONDS = 600.0
"""A run whose end is not recorded counts as being written to until its file has been still for so long."""


@dataclass(frozen=True)
class Part:
    """One W&B folder of a run; a training that was resumed offline has several.

    Attributes:
        folder: ``.../wandb/offline-run-<time>-<id>``.
        run: what was recorded in it.
        state: ``pending``; ``synced``; ``open``, if something may still write to it.
    """

    folder: Path
    run: OfflineRun
    state: State


@dataclass
class Upload:
    """A run as W&B will have it, of its parts in order of time."""

    run_id: str
    project: str
    entity: str
    name: str
    parts: list[Part] = field(default_factory=list)

    @property
    def pending(self) -> list[Part]:
        """What is to be uploaded: nothing while a part before it is still written to."""
        states = [part.state for part in self.parts]
        until = states.index("open") if "open" in states else len(states)
        return [part for part in self.parts[:until] if part.state == "pending"]

    @property
    def rows(self) -> int:
        """Logged rows of what is pending."""
        return sum(len(part.run.history) for part in self.pending)


@dataclass(frozen=True)
class Outcome:
    """What came of an upload.

    Attributes:
        done: whether W&B has the run.
        url: of its page.
        text: what went wrong, or what could not be done beside it.
    """

    done: bool
    url: str = ""
    text: str = ""


def find_uploads(folders: Iterable[str | Path]) -> list[Upload]:
    """Every run under ``folders`` that was logged offline or left unfinished, oldest first.

    Raises:
        UserError: there is no such folder.
    """
    files: dict[Path, Path] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UserError(
                f"there is no folder {folder}; `asap tracking sync DIR` looks for W&B runs under DIR"
            )
        for file in folder.rglob("run-*.wandb"):
            if _is_ours(file.parent):
                files[file.resolve()] = file
    uploads: dict[tuple[str, str, str], Upload] = {}
    for file in sorted(files, key=lambda path: path.parent.name.removeprefix("offline-")):
        part = Part(file.parent, read_offline_run(file), _state(file))
        run = part.run
        key = (run.entity, run.project, run.run_id)
        uploads.setdefault(key, Upload(run.run_id, run.project, run.entity, run.name)).parts.append(part)
    return list(uploads.values())


def _is_ours(folder: Path) -> bool:
    return folder.name.startswith("offline-run-") or (folder / UNFINISHED).exists()


def _state(file: Path) -> State:
    if (file.parent / UNFINISHED).exists():
        return "pending"
    if file.with_name(f"{file.name}.synced").exists():
        return "synced"
    still = time.time() - file.stat().st_mtime > OPEN_SECONDS
    return "pending" if still or is_closed(file) else "open"


def sync(upload: Upload, *, entity: str | None = None, project: str | None = None) -> Outcome:
    """Uploads the pending parts of one run, in order, and completes its lineage.

    W&B marks a part as synced even where its server refused it, so the run is asked for afterwards; if it
    is not there the marks are removed, and the next call tries again.

    Args:
        upload: from `find_uploads`.
        entity: instead of the run's own.
        project: instead of the run's own.
    """
    parts = upload.pending
    owner = [
        word
        for name, value in (("entity", entity), ("project", project))
        if value
        for word in (f"--{name}", value)
    ]
    done = _call_wandb([*owner, *(str(part.folder) for part in parts)], parts[0].folder.parent.parent)
    unmarked = [part for part in parts if not _mark(part).exists()]
    if done.returncode != 0 or unmarked:
        return Outcome(False, text=_last_lines(done.stdout))
    path = "/".join(
        part for part in (entity or upload.entity, project or upload.project, upload.run_id) if part
    )
    try:
        import wandb

        api = wandb.Api(timeout=60)
        run = api.run(path)
        problems = [*_complete_lineage(api, run, parts), *_release_snapshots(api, run, parts)]
    except Exception as error:  # the API's own, requests', and what a refused answer leads to
        for part in parts:
            _mark(part).unlink(missing_ok=True)
        return Outcome(False, text=f"the server has not got {path}: {error}\n{_last_lines(done.stdout)}")
    for part in parts:
        (part.folder / UNFINISHED).unlink(missing_ok=True)
    return Outcome(True, url=run.url, text="; ".join(problems))


def _mark(part: Part) -> Path:
    return part.folder / f"run-{part.run.run_id}.wandb.synced"


def _call_wandb(arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """``wandb sync`` in a process of its own; parts of one run are appended in order of their start."""
    environment = {name: value for name, value in os.environ.items() if name != "WANDB_MODE"}
    environment["WANDB_DIR"] = str(folder)  # its log goes beside the run, not into the working folder
    command = [sys.executable, "-m", "wandb", "sync", "--include-online", "--include-synced", *arguments]
    return subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def _last_lines(text: str, count: int = 5) -> str:
    return "\n".join(text.strip().splitlines()[-count:])


def _complete_lineage(api: Any, run: Any, parts: Sequence[Part]) -> list[str]:
    """Tells W&B which artifacts the run was made from; offline they could only be noted."""
    problems = []
    for part in parts:
        for used in part.run.config.get("inputs", {}).values():
            if name := used.get("artifact"):
                try:
                    run.use_artifact(api.artifact(name))
                except Exception as error:  # of W&B, its server, or the network
                    problems.append(f"cannot note that it uses {name} ({error})")
    return problems


def _release_snapshots(api: Any, run: Any, parts: Sequence[Part]) -> list[str]:
    """Removes the second names of checkpoints that W&B now has."""
    problems = []
    for part in parts:
        for artifact in part.run.artifacts:
            if artifact.type != TYPE:
                continue
            own = next((alias for alias in artifact.aliases if alias.startswith("step-")), "latest")
            try:
                api.artifact(f"{run.entity}/{run.project}/{artifact.name}:{own}")
            except Exception as error:  # as above
                problems.append(f"the server has not got {artifact.name}:{own} ({error})")
                continue
            for file in artifact.files.values():
                if file.parent == part.folder.parent / "checkpoints":
                    file.unlink(missing_ok=True)
    return problems
