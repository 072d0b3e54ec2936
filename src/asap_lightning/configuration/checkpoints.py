"""Which checkpoint file a user means by ``ckpt=...``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asap_lightning.box import MODELS
from asap_lightning.errors import UserError
from asap_lightning.inference.sources import find_model
from asap_lightning.model_file import MODEL
from asap_lightning.run_folder.names import BEST, CHECKPOINTS, LAST, checkpoint_in, runs_with


def checkpoint_to_resume(ckpt: Any, folder: Path) -> Path | None:
    """The checkpoint that a training starts from, or None.

    Args:
        ckpt: None, ``last`` (must exist), ``auto`` (if it exists), a file, a run's folder, or a W&B artifact
            (``wandb:entity/project/artifact:alias``).
        folder: the run's folder, already chosen by the same ``ckpt`` (see `resolvers.run_dir`).

    Raises:
        UserError: no such file.
    """
    if ckpt is None:
        return None
    if ckpt in ("last", "auto"):
        path = folder / LAST
        if path.is_file():
            return path
        if ckpt == "auto":
            return None
        raise UserError(f"ckpt=last: there is no {path}; ckpt=auto starts a run where there is none")
    return existing_checkpoint(ckpt, prefer=LAST)


def checkpoint_of(config: Mapping[str, Any]) -> Path:
    """The checkpoint that ``ckpt`` or ``model`` of a command's configuration names.

    Args:
        config: has ``ckpt``, ``model``, ``runs`` and ``name``.

    Raises:
        UserError: both or neither were given, or there is no such checkpoint.
    """
    ckpt, model = config["ckpt"], config["model"]
    if (ckpt is None) == (model is None):
        given = "no model was named" if ckpt is None else "ckpt and model were both given: one was expected"
        raise UserError(
            f"{given}: ckpt=FILE|RUN|best|last for one that was trained here, model=facades for the one that "
            "comes with the package, model=FILE|FOLDER|https://..|hf://OWNER/NAME@REVISION for another"
        )
    if model is not None:
        return find_model(str(model))
    return find_checkpoint(ckpt, runs=config["runs"], name=config["name"])


def title_of(model: str | None, checkpoint: Path) -> str:
    """What was typed for a model, without its place; else the run's name or the file's."""
    if model is not None:
        return str(model).rstrip("/").rpartition("/")[2].partition("@")[0].removesuffix(checkpoint.suffix)
    return checkpoint.parents[2].name if checkpoint.parent.name == CHECKPOINTS else checkpoint.stem


def find_checkpoint(ckpt: Any, *, runs: str | Path, name: str | None = None) -> Path:
    """The checkpoint that evaluation and prediction read.

    Args:
        ckpt: a file, a run's folder (its best checkpoint, or else its last), ``best`` or ``last`` of the
            newest run, a W&B artifact (``wandb:entity/project/artifact:alias``), or what `find_model` knows.
        runs: the folder that holds runs as ``runs/NAME/TIME``.
        name: restricts ``best`` and ``last`` to runs of this name.

    Raises:
        UserError: nothing found; says where it looked.
    """
    if ckpt not in ("best", "last"):
        return existing_checkpoint(ckpt, prefer=BEST)
    wanted = BEST if ckpt == "best" else LAST
    parents = [Path(runs) / name] if name else sorted(path for path in Path(runs).glob("*") if path.is_dir())
    found = [run / wanted for parent in parents for run in runs_with(parent, wanted)]
    if not found:
        raise UserError(
            f"ckpt={ckpt}: no run has one: looked for {Path(runs) / (name or '*')}/*/{wanted}; "
            "give a checkpoint file or a run's folder"
        )
    return max(found, key=lambda path: path.stat().st_mtime_ns)


def local_file(ckpt: str | Path, key: str = "ckpt") -> Path:
    """The file that is meant; a W&B artifact (``wandb:..``) or what lies at an address is downloaded.

    Args:
        ckpt: what was given.
        key: the configuration's key it was given to, for messages.
    """
    if str(ckpt).startswith("wandb:"):
        from asap_lightning.tracking import download_checkpoint

        return download_checkpoint(str(ckpt), key=key)
    if str(ckpt) in MODELS or "://" in str(ckpt):
        return find_model(str(ckpt))
    return Path(ckpt).expanduser()


def existing_checkpoint(ckpt: Any, *, prefer: Path) -> Path:
    """A file as it is; of a run's folder the preferred checkpoint, or else the other one."""
    path = local_file(str(ckpt))
    if path.is_file():
        return path
    if path.is_dir():
        found = checkpoint_in(path, prefer) or path / MODEL
        if found.is_file():
            return found
        raise UserError(
            f"ckpt={ckpt} is a folder without {BEST}, {LAST} or {MODEL}; give the folder of a run or of "
            "an exported model, or a .ckpt or .safetensors file"
        )
    raise UserError(f"ckpt={ckpt}: there is no such file or folder (looked from {Path.cwd()})")
