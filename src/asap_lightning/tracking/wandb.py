"""Weights & Biases, offline where there is no key, one run a training however often it is resumed."""

from __future__ import annotations

import logging
import netrc
import os
import secrets
import string
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import wandb
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.loggers.logger import rank_zero_experiment
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from wandb.sdk.lib import RunDisabled

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.metrics import higher_is_better
from asap_lightning.tracking.offline import is_closed

log = logging.getLogger(__name__)

Mode = Literal["auto", "online", "offline", "disabled"]
STEP = "trainer/global_step"
SUMMARISED = (
    "val/psnr",
    "val/ssim",
    "val/l1",
    "val/fid",
    "val/kid",
    "val/lpips",
    "val/miou",
    "val/pixel_accuracy",
)
ID_FILE = "wandb_run_id.txt"


def make_wandb_logger(
    folder: str | Path,
    project: str = "asap-lightning",
    *,
    entity: str | None = None,
    group: str | None = None,
    name: str | None = None,
    job_type: str = "train",
    tags: Sequence[str] = (),
    notes: str | None = None,
    mode: Mode = "auto",
    run_id: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> RunLogger:
    """A logger whose run starts with the first use and lies in ``<folder>/wandb``.

    Args:
        folder: the training's folder. The run's id is kept there, so that a resumed training
            continues the same run.
        project: name of the W&B project.
        entity: user or team; None takes the account's default.
        group: name under which W&B gathers runs (a sweep, the folds of an experiment).
        name: of the run; None takes the last two parts of the folder (``demo/2026-01-31_12-00-00``).
        job_type: ``train``, ``evaluate``, ...
        tags: words to find the run by.
        notes: free text.
        mode: ``auto`` is online if there is an API key, else offline, and says so; the environment
            variable ``WANDB_MODE`` decides before ``auto`` does. Nothing ever asks for a key.
        run_id: id of a run to continue; None takes the id in the folder, or makes a new one.
        config: the resolved configuration, as nested plain containers.

    Raises:
        UserError: ``mode=online`` without an API key, or an unknown mode.
    """
    folder = Path(folder)
    return RunLogger(
        mode=resolve_mode(mode, folder),
        save_dir=folder,
        project=project,
        entity=entity,
        group=group,
        name=name or "/".join(folder.resolve().parts[-2:]),
        job_type=job_type,
        tags=list(tags),
        notes=notes,
        config=dict(config or {}),
        id=run_id,
    )


class RunLogger(WandbLogger):
    """Lightning's logger with a run of its own, whose best metrics stand in the summary.

    Lightning's takes over whatever run is alive in the process; this one opens another beside it,
    and `finish` ends it with an exit code.
    """

    def __init__(self, mode: Literal["online", "offline", "disabled"], save_dir: Path, **init: Any) -> None:
        super().__init__(save_dir=str(save_dir), mode=mode, **init)
        self._wandb_init.pop("anonymous", None)  # W&B warns when it is named, even as None
        self.mode: Literal["online", "offline", "disabled"] = mode

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run; it is started at the first use."""
        attach_id = getattr(self, "_attach_id", None)
        if self._experiment is None and attach_id is not None:
            self._experiment = wandb._attach(attach_id)  # type: ignore[attr-defined]
        if self._experiment is None:
            self._experiment = _start(self._wandb_init)
            if self.mode == "online" and getattr(self._experiment, "offline", False):
                self.mode = "offline"  # the server could not be reached
            if not isinstance(self._experiment, RunDisabled):
                define_metrics(self._experiment)
        return self._experiment

    @property
    def run_folder(self) -> Path | None:
        """The W&B folder of the run (``.../wandb/offline-run-<time>-<id>``); None before it starts."""
        if self._experiment is None or isinstance(self._experiment, RunDisabled) or self.mode == "disabled":
            return None
        return Path(self._experiment.settings.sync_dir)

    @property
    def url(self) -> str | None:
        """Address of the run's page; None offline."""
        return getattr(self._experiment, "url", None) if self.mode == "online" else None

    def finish(self, exit_code: int = 0) -> None:
        """Ends the run, if one was started and is not yet ended."""
        if self._experiment is not None and not getattr(self._experiment, "_is_finished", False):
            self._experiment.finish(exit_code=exit_code)
            if self.mode == "offline" and self.run_folder is not None:
                _wait_until_closed(self.run_folder)


def define_metrics(run: Any, summarised: Sequence[str] = SUMMARISED) -> None:
    """The x-axis of everything is the generator updates; summaries hold best and last metrics."""
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    for name in summarised:
        best = "max" if higher_is_better(name) else "min"
        run.define_metric(name, step_metric=STEP, step_sync=True, summary=f"{best},last")


def resolve_mode(mode: Mode, folder: Path) -> Literal["online", "offline", "disabled"]:
    """``auto`` -> what the environment says, else online with a key and offline without one."""
    if mode not in ("auto", "online", "offline", "disabled"):
        raise UserError(f"logger.wandb.mode: {mode!r} is unknown; choose auto, online, offline or disabled")
    if mode == "auto":
        asked = os.environ.get("WANDB_MODE", "")
        if asked in ("offline", "dryrun"):
            return "offline"
        if asked == "disabled":
            return "disabled"
        if has_api_key():
            return "online"
        rank_zero_only(log.info)(
            "W&B: no API key found, so the run is logged offline to %s; `wandb sync` uploads it later",
            folder / "wandb",
        )
        return "offline"
    if mode == "online" and not has_api_key():
        raise UserError(
            "logger.wandb.mode=online, but there is no W&B API key: run `wandb login`, set WANDB_API_KEY, "
            "or choose logger.wandb.mode=offline"
        )
    return mode


def has_api_key() -> bool:
    """Whether W&B would find credentials for its server without asking: environment or netrc."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    named = os.environ.get("NETRC")
    for path in [Path(named)] if named else [Path.home() / ".netrc", Path.home() / "_netrc"]:
        try:
            if path.is_file() and netrc.netrc(path).authenticators(host):
                return True
        except (OSError, netrc.NetrcParseError) as error:
            log.warning("W&B: cannot read %s (%s)", path, error)
    return False


def stable_run_id(folder: Path) -> str:
    """The W&B id kept in the training's folder; made at the first call."""
    path = folder / ID_FILE
    if path.exists() and (known := path.read_text(encoding="utf-8").strip()):
        return known
    letters = string.ascii_lowercase + string.digits
    made = "".join(secrets.choice(letters) for _ in range(8))
    with atomic_write(path, "w") as file:
        file.write(made + "\n")
    return made


def _wait_until_closed(folder: Path, seconds: float = 10.0) -> None:
    """W&B's writer may still be busy when ``finish`` returns; whoever reads the file next needs its end."""
    until = time.monotonic() + seconds
    while not any(is_closed(path) for path in folder.glob("run-*.wandb")):
        if time.monotonic() > until:
            log.warning("W&B: %s was not closed within %g s; it may lack its end", folder, seconds)
            return
        time.sleep(0.01)


def _start(init: Mapping[str, Any]) -> Any:
    """Starts the run; a server that cannot be reached costs the online run, never the training."""
    folder = Path(init["dir"])
    folder.mkdir(parents=True, exist_ok=True)
    arguments = {**init, "id": init["id"] or stable_run_id(folder)}
    if wandb.run is not None:
        arguments["reinit"] = "create_new"
    if init["mode"] == "online":
        try:
            return wandb.init(**arguments, settings=wandb.Settings(quiet=True, init_timeout=60))
        except wandb.errors.CommError as error:
            log.warning("W&B: cannot reach the server (%s); logging offline to %s", error, folder / "wandb")
            arguments["mode"] = "offline"
    # Offline the id alone continues a run; asking to resume would only warn that it cannot look it up.
    arguments["resume"] = None
    return wandb.init(**arguments, settings=wandb.Settings(silent=True))
