"""Starting a W&B run: in which mode, under which id, and what if the server cannot be reached."""

from __future__ import annotations

import logging
import os
import secrets
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import wandb
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.tracking.server import LOGIN_ADVICE, has_api_key, server_address

log = logging.getLogger(__name__)

Mode = Literal["auto", "online", "offline", "disabled"]
ResolvedMode = Literal["online", "offline", "disabled"]
WANDB_MODES = ("online", "offline", "disabled", "shared", "run", "dryrun")
"""What the environment variable may hold; the last two are older names of the first two."""
ID_FILE = "wandb_run_id.txt"


def resolve_mode(mode: Mode, folder: Path) -> ResolvedMode:
    """``auto`` -> what the environment says, else online with a key and offline without one."""
    if mode not in ("auto", "online", "offline", "disabled"):
        raise UserError(f"logger.wandb.mode={mode}: auto, online, offline or disabled was expected")
    if mode == "auto":
        asked = os.environ.get("WANDB_MODE", "")
        if asked and asked not in WANDB_MODES:
            raise UserError(f"WANDB_MODE={asked}: one of {', '.join(WANDB_MODES)} was expected")
        if asked in ("offline", "dryrun"):
            return "offline"
        if asked == "disabled":
            return "disabled"
        if has_api_key():
            return "online"
        rank_zero_only(log.info)(
            "W&B: no API key found, so the run is logged offline to %s; "
            "`asap tracking sync` uploads it later",
            folder / "wandb",
        )
        return "offline"
    if mode == "online" and not has_api_key():
        raise UserError(
            f"logger.wandb.mode=online, but there is no W&B API key for {server_address()}: {LOGIN_ADVICE}, "
            "or choose logger.wandb.mode=offline"
        )
    return mode


def new_run_id() -> str:
    """Eight letters and digits, as W&B makes them."""
    letters = string.ascii_lowercase + string.digits
    return "".join(secrets.choice(letters) for _ in range(8))


def stable_run_id(folder: Path) -> str:
    """The W&B id kept in the training's folder; made at the first call."""
    path = folder / ID_FILE
    if path.exists() and (known := path.read_text(encoding="utf-8").strip()):
        return known
    made = new_run_id()
    with atomic_write(path, "w") as file:
        file.write(made + "\n")
    return made


def keeps_resume_offline() -> bool:
    """Whether W&B notes in an offline run that it may continue another, for ``wandb sync`` to append it.

    Before 0.31 it only warned that it could not; the id alone then continues the run.
    """
    major, minor = (int(part) for part in wandb.__version__.split(".")[:2])
    return (major, minor) >= (0, 31)


def start_run(init: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    """Starts the run; a server that cannot be reached costs the online run, never the training.

    Args:
        init: arguments of ``wandb.init``.
        settings: of ``wandb.Settings``, for an online run; those unknown to this version are left out.
    """
    folder = Path(init["dir"])
    folder.mkdir(parents=True, exist_ok=True)
    arguments = {**init, "id": init["id"] or stable_run_id(folder)}
    if wandb.run is not None:
        arguments["reinit"] = "create_new"
    if init["mode"] == "online":
        known = {name: value for name, value in settings.items() if name in wandb.Settings.model_fields}
        try:
            return wandb.init(
                **arguments, settings=wandb.Settings(quiet=True, base_url=server_address(), **known)
            )
        except (wandb.errors.Error, TimeoutError, OSError) as error:  # no server, no login, no such team, ..
            log.warning(
                "W&B: cannot start the run on %s (%s); logging offline to %s, "
                "`asap tracking sync` uploads it later",
                server_address(),
                (str(error).strip() or type(error).__name__).splitlines()[0],
                folder / "wandb",
            )
            arguments["mode"] = "offline"
            if wandb.run is None:
                wandb.teardown()  # W&B's process would hold the id of the failed run: "is in use"
            else:  # another run lives in that process; this one has to take another id
                arguments["id"] = new_run_id()
    if not keeps_resume_offline():
        arguments["resume"] = None
    kept = {"git_root": settings["git_root"]} if "git_root" in settings else {}
    try:
        return wandb.init(**arguments, settings=wandb.Settings(silent=True, **kept))
    except (wandb.errors.UsageError, ValueError) as error:  # a project's name that W&B does not take, ..
        raise UserError(f"logger.wandb: {' '.join(str(error).split())}") from error
