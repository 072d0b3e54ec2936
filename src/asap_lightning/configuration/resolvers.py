"""OmegaConf resolvers of the configuration, and the search for earlier runs.

``${asap.name:}`` names a run after its experiment or data set. ``${asap.run_dir:...}`` is the folder of
a run: a fresh one, or, when the run resumes, the newest earlier one with a checkpoint.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from asap_lightning.errors import UserError
from asap_lightning.run_folder.marks import job_key
from asap_lightning.run_folder.names import CONFIG, LAST, MULTIRUN, SWEEP, runs_with


def register_resolvers() -> None:
    """Registers the resolvers; calling it again does no harm."""
    OmegaConf.register_new_resolver("asap.name", default_name, replace=True)
    OmegaConf.register_new_resolver("asap.image_name", image_name, replace=True)
    OmegaConf.register_new_resolver("asap.run_dir", run_dir, replace=True, use_cache=True)
    OmegaConf.register_new_resolver("asap.job_dir", job_dir, replace=True)
    OmegaConf.register_new_resolver("asap.sweep_dir", sweep_dir, replace=True, use_cache=True)


def default_name(*, _root_: DictConfig) -> str:
    """The chosen experiment, or else the chosen data set.

    Hydra's own node is part of the configuration while folders are chosen, and later only in `HydraConfig`.
    """
    if "hydra" in _root_:
        choices = _root_.hydra.runtime.choices
    elif HydraConfig.initialized():
        choices = HydraConfig.get().runtime.choices
    else:
        return "asap"
    name = choices.get("experiment") or choices.get("data") or "asap"
    return str(name).replace("/", "_")


def image_name(image: Any) -> str:
    """The name of a run that learns from one image: the file's without its ending."""
    return Path(str(image)).stem or "image"


def run_dir(root: str, name: str, ckpt: Any, now: str) -> str:
    """Folder of a run: ``root/name/now``, or with ``ckpt`` 'last' or 'auto' the one to continue.

    A run of this name is also continued in its folder where ``ckpt`` is that folder, or its last checkpoint.

    Raises:
        UserError: for 'last' when no earlier run of this name has a checkpoint; a name that is no folder's.
    """
    parent = Path(root) / valid_name(name)
    fresh = str(parent / now)
    if ckpt not in ("last", "auto"):
        return str(run_of(ckpt, str(name)) or fresh)
    earlier = runs_with(parent)
    if earlier:
        return str(earlier[0])
    if ckpt == "auto":
        return fresh
    raise UserError(
        f"ckpt=last: no run to resume: looked for {parent}/*/{LAST}. Start one without ckpt, "
        "name the run (name=...), its folder (hydra.run.dir=...), or the file (ckpt=PATH); "
        "ckpt=auto resumes if there is a run and starts one otherwise"
    )


def run_of(ckpt: Any, name: str) -> Path | None:
    """The folder of the run that a checkpoint is the last one of, if it is one of this name.

    Another name makes it another run, which only starts from the same checkpoint.
    """
    if ckpt is None or str(ckpt).startswith("wandb:"):
        return None
    path = Path(str(ckpt)).expanduser()
    run = path if path.is_dir() else path.parent.parent
    if not (run / LAST).is_file() or path not in (run, run / LAST):
        return None
    try:
        stored = OmegaConf.load(run / CONFIG)
    except (OSError, YAMLError):
        return None
    same = isinstance(stored, DictConfig) and OmegaConf.to_container(stored).get("name") == name  # type: ignore[union-attr]
    return run if same else None


def valid_name(name: Any) -> str:
    """The name of a run as the part of a path that it becomes.

    Raises:
        UserError: it leads elsewhere, or no folder can be called so.
    """
    text = str(name)
    parts = Path(text).parts
    bad = not text.strip() or not text.isprintable() or Path(text).is_absolute() or ".." in parts
    if bad or any(len(os.fsencode(part)) > 255 for part in parts):
        raise UserError(
            f"name={_short(text)}: a run's name becomes a folder under runs/: printable characters, at most "
            "255 bytes, neither '..' nor a leading '/', were expected"
        )
    return text


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def sweep_dir(root: str, name: str, ckpt: Any, now: str, file: str = SWEEP) -> str:
    """Folder of a multirun: fresh, or with ``ckpt`` 'last' or 'auto' the newest earlier one with ``file``."""
    parent = Path(root) / valid_name(name) / MULTIRUN
    earlier = sorted((path for path in parent.glob("*") if (path / file).is_file()), reverse=True)
    return str(earlier[0] if ckpt in ("last", "auto") and earlier else parent / now)


def job_dir(*, _root_: DictConfig) -> str:
    """Folder of a job inside its sweep: the same for the same job, whatever else the sweep holds.

    A grid may be changed between two calls with ``ckpt=auto``; a job's number would then be another's.
    """
    own = {name: _root_._get_node(name) for name in _root_ if name not in ("hydra", "ckpt")}
    values = OmegaConf.to_container(OmegaConf.create(own), resolve=False)
    return f"job_{job_key(values)[:10]}"  # type: ignore[arg-type]
