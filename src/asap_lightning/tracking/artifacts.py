"""Checkpoints as W&B artifacts: logged without copying, remembered beside the file, used as inputs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write, share_file
from asap_lightning.untrusted import read_json

log = logging.getLogger(__name__)

TYPE = "model"
FILE_IN_ARTIFACT = "model.ckpt"
REGISTER = "artifacts.json"
"""Beside checkpoints: file name -> {"artifact": its name at W&B, "size", "mtime_ns": of the file it was}."""


def artifact_name(run_id: str) -> str:
    """Name of the artifact whose versions are the checkpoints of a run."""
    return f"model-{run_id}"


def log_checkpoint(
    run: Any, path: Path, snapshots: Path, *, aliases: list[str], metadata: Mapping[str, Any]
) -> Path:
    """Logs a checkpoint file as a new version of the run's artifact; works offline too.

    The file may be replaced before it is uploaded (offline: days later), so W&B gets a snapshot of it: a
    second name (hard link) of the same content, which costs no time and no space. It lies in
    ``snapshots`` and can be removed once it is uploaded.

    Args:
        run: the W&B run.
        path: the checkpoint.
        snapshots: folder for snapshots, on the same disk.
        aliases: names of this version, such as ``best``; the last must be its own (``step-100``).
        metadata: plain data.

    Returns:
        The snapshot.
    """
    import wandb  # takes a second, and a run without W&B reads this module's register too

    snapshot = take_snapshot(path, snapshots)
    artifact = wandb.Artifact(artifact_name(run.id), type=TYPE, metadata=dict(metadata))
    artifact.add_file(str(snapshot), name=FILE_IN_ARTIFACT, policy="immutable", skip_cache=True)
    run.log_artifact(artifact, aliases=aliases)
    owner = [part for part in (run.entity, run.project) if part]
    remember_artifact(path, "/".join([*owner, f"{artifact_name(run.id)}:{aliases[-1]}"]))
    return snapshot


def step_of(path: Path) -> int:
    """How many generator updates a checkpoint has seen; its tensors are not read."""
    from asap_lightning.untrusted import load_torch

    return int(load_torch(path, weights=False).get("global_step", 0))


def take_snapshot(path: Path, folder: Path) -> Path:
    """A second name for the file's present content; a copy where the disk has no hard links."""
    stat = path.stat()
    folder.mkdir(parents=True, exist_ok=True)
    snapshot = (folder / f"{path.stem}_{stat.st_mtime_ns}{path.suffix}").absolute()
    if not snapshot.exists():
        share_file(path, snapshot)
    return snapshot


def remember_artifact(path: Path, name: str) -> None:
    """Notes beside a checkpoint which artifact it is, for the lineage of what is made from it."""
    register, stat = path.with_name(REGISTER), path.stat()
    known = _read(register)
    known[path.name] = {"artifact": name, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    with atomic_write(register, "w") as file:
        json.dump(known, file, indent=1)


def known_artifact(path: str | Path) -> str | None:
    """The artifact that a checkpoint file is; None if it is none, or was replaced since."""
    path = Path(path)
    entry = _read(path.with_name(REGISTER)).get(path.name)
    if not isinstance(entry, dict) or not path.is_file():
        return None
    stat = path.stat()
    same = (entry.get("size"), entry.get("mtime_ns")) == (stat.st_size, stat.st_mtime_ns)
    return str(entry["artifact"]) if same else None


def _read(register: Path) -> dict[str, Any]:
    try:
        content = read_json(register)
    except FileNotFoundError:
        return {}
    except (OSError, UserError) as error:
        log.warning("%s cannot be read (%s); the lineage of its checkpoints is unknown", register, error)
        return {}
    return content if isinstance(content, dict) else {}
