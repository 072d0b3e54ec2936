"""The folder of a run: made for one start alone, filled when the run begins, gone if it never does.

Hydra makes the folder, writes ``.hydra`` and opens the log before the command has checked anything. Here a
fresh folder is made atomically, and nothing is written into it, or a resumed run's, before `begin_run`.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from asap_lightning.configuration.quoting import quoted
from asap_lightning.files import atomic_write
from asap_lightning.run_folder.names import JOURNAL, LAST, SWEEP

TIME = "${now:"
"""In the setting of a folder: its name is the time of the start."""
CONTINUED = (str(LAST), SWEEP, JOURNAL)
"""Files of an earlier start, which this one goes on with."""
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


class RunLog(logging.FileHandler):
    """The log file of a run: records are held until the run begins, then written."""

    def __init__(self, filename: str) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)
        self.held: list[logging.LogRecord] | None = []

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, or holds it."""
        if self.held is None:
            super().emit(record)
        else:
            self.held.append(record)

    def begin(self) -> None:
        """Writes what was held; further records are written at once."""
        held, self.held = self.held or [], None
        for record in held:
            super().emit(record)


class FolderMaker(Callback):
    """Hydra's callback that makes the folder of a run or a sweep where its name is the time of the start.

    Another start in the same second gets a name of its own: ``.._2``.
    """

    made: list[Path] = []  # noqa: RUF012  (by this process, the outermost first)
    begun = False

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Before a single run."""
        FolderMaker.made, FolderMaker.begun = [], False
        self._make(config, config.hydra.run, "dir")

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Before a sweep; its jobs are composed anew and learn the folder as an override."""
        FolderMaker.made, FolderMaker.begun = [], True
        folder = self._make(config, config.hydra.sweep, "dir")
        if folder is not None:
            with read_write(config.hydra), open_dict(config.hydra):
                config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted(folder)}")

    def _make(self, config: DictConfig, node: DictConfig, key: str) -> str | None:
        chosen = _folder_in(config, node, key)
        if chosen is None or other_rank():
            return None
        missing = [path for path in (chosen, *chosen.parents) if not path.exists()]
        try:
            chosen.parent.mkdir(parents=True, exist_ok=True)
            timed = TIME in str(node._get_node(key)._value())  # type: ignore[union-attr]
            goes_on = config.get("ckpt") is not None and any((chosen / name).exists() for name in CONTINUED)
            if timed and not goes_on:
                folder = _made_alone(chosen)
                missing = [folder, *(path for path in missing if path != chosen)]
            else:
                folder = chosen
                folder.mkdir(exist_ok=True)
        except OSError:
            return None  # Hydra meets it too, and its error is not swallowed
        finally:
            FolderMaker.made = [path for path in reversed(missing) if path.is_dir()]
        if folder == chosen:
            return None
        with read_write(config.hydra), open_dict(config.hydra):
            node[key] = str(folder)
        return str(folder)


def _folder_in(config: DictConfig, node: DictConfig, key: str) -> Path | None:
    """The folder, or None where it cannot be resolved: Hydra, who is next to ask, passes the error on."""
    hydra = HydraConfig.instance()
    before, hydra.cfg = hydra.cfg, None
    try:
        hydra.set_config(config)
        return Path(str(node[key]))
    except OmegaConfBaseException:
        return None
    finally:
        hydra.cfg = before


def _made_alone(wanted: Path) -> Path:
    """Makes the folder, or the first of ``wanted_2``, ``wanted_3``, .. that is not there."""
    folder, number = wanted, 1
    while True:
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
            folder = wanted.with_name(f"{wanted.name}_{number}")
        else:
            return folder


def begin_run(config: DictConfig) -> None:
    """All checks are done: from here on the run exists, with its log and what was typed."""
    hydra = HydraConfig.get()
    FolderMaker.begun = True
    for handler in run_logs():
        handler.begin()
    if other_rank() or hydra.output_subdir is not None:  # Hydra writes that itself
        return
    described = HydraConfig.instance().cfg
    for name, node in (("config", config), ("hydra", described), ("overrides", hydra.overrides.task)):
        with atomic_write(Path(hydra.runtime.output_dir) / ".hydra" / f"{name}.yaml", "w") as file:
            file.write(OmegaConf.to_yaml(node))


def withdraw_run() -> None:
    """Nothing was achieved after `begin_run`: the folder need not stay."""
    FolderMaker.begun = False


def drop_unbegun_run() -> None:
    """Removes the folders that were made for a run that has not begun; nothing that was there before."""
    if FolderMaker.begun or not FolderMaker.made:
        return
    *parents, folder = FolderMaker.made
    shutil.rmtree(folder, ignore_errors=True)
    for parent in reversed(parents):
        with suppress(OSError):
            parent.rmdir()
    FolderMaker.made = []


def run_logs() -> list[RunLog]:
    """The handlers that write the run's log."""
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, RunLog)]


def close_run_logs() -> None:
    """The run has ended: what is logged later in this process belongs to none, and its file is closed."""
    for handler in run_logs():
        logging.getLogger().removeHandler(handler)
        handler.close()


def other_rank() -> bool:
    """Whether this is another process than the first of a distributed training."""
    return any(os.environ.get(name, "0") not in ("", "0") for name in RANKS)


def note_error(text: str, error: BaseException | None = None) -> None:
    """Writes how the run has ended into its log alone; the console hears it from elsewhere.

    Args:
        text: the message.
        error: a crash, whose traceback follows.
    """
    trace = (type(error), error, error.__traceback__) if error is not None else None
    record = logging.getLogger("asap").makeRecord("asap", logging.ERROR, "", 0, text, (), trace)
    for handler in run_logs():
        handler.handle(record)
