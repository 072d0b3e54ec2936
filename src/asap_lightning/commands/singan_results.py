"""What the commands of ``asap singan`` share: the pyramid, checked settings, a table of what was written."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from asap_lightning.configuration.checkpoints import local_file
from asap_lightning.data.panels import Picture, save_png
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.singan.checkpoint import Pyramid, find, read_pyramid


def finished_pyramid(ckpt: Any) -> tuple[Pyramid, Path]:
    """The pyramid that ``ckpt`` names, all of whose scales are there, and its file.

    Raises:
        UserError: no such file, no pyramid, or one whose training was stopped.
    """
    path = find(local_file(str(ckpt)))
    pyramid = read_pyramid(path)
    if not pyramid.finished:
        raise UserError(
            f"ckpt={ckpt}: its training has stopped at scale {len(pyramid.scales)} of {pyramid.count}; "
            f"resume it with asap singan train image=IMAGE ckpt={ckpt}, and call this again"
        )
    return pyramid, path


def whole(config: DictConfig, key: str, least: int, most: int) -> int:
    """A whole number within bounds.

    Raises:
        UserError: something else.
    """
    given = config[key]
    if type(given) is not int or not least <= given <= most:
        raise UserError(f"{key}={given}: a whole number from {least} to {most} was expected")
    return given


def number(config: DictConfig, key: str) -> float:
    """A finite number.

    Raises:
        UserError: something else.
    """
    given = config[key]
    if type(given) not in (int, float) or not math.isfinite(given):
        raise UserError(f"{key}={given}: a number was expected")
    return float(given)


def truth(config: DictConfig, key: str) -> bool:
    """True or false.

    Raises:
        UserError: something else.
    """
    given = config[key]
    if type(given) is not bool:
        raise UserError(f"{key}={given}: true or false was expected")
    return given


def seed_of(config: DictConfig) -> int:
    """``seed``."""
    return whole(config, "seed", 0, 2**63 - 1)


def scale_of(config: DictConfig) -> int | str:
    """``scale``: a number, or all.

    Raises:
        UserError: something else.
    """
    given = config.scale
    if given != "all" and type(given) is not int:
        raise UserError(f"scale={given}: a scale's number or all was expected")
    return given


class Results:
    """What a command writes into its folder, each file atomically.

    Args:
        folder: ``output``; made when the first file is written.
        application: name of the JSON file, which has the settings, figures and files.
        about: settings.
    """

    def __init__(self, folder: str | Path, application: str, about: Mapping[str, Any]) -> None:
        self.folder, self.application, self.about = Path(folder).expanduser(), application, dict(about)
        self.figures: dict[str, Any] = {}
        self._rows: list[tuple[Path, str]] = []
        self._begun = time.perf_counter()
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"output={folder} is a file; a folder was expected")

    def picture(self, name: str, picture: Picture, what: str) -> None:
        """Writes a PNG."""
        save_png(self.folder / name, picture)
        self.note(name, f"{what}, {picture.shape[1]} x {picture.shape[0]}")

    def note(self, name: str, what: str) -> None:
        """A file that has been written otherwise."""
        self._rows.append((self.folder / name, what))

    def finish(self) -> None:
        """Writes the JSON, and prints where everything is."""
        report = {
            **self.about,
            **self.figures,
            "seconds": round(time.perf_counter() - self._begun, 3),
            "files": {path.name: what for path, what in self._rows},
        }
        name = f"{self.application}.json"
        with atomic_write(self.folder / name, "w") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
        self.note(name, "settings and figures")
        table = Table(title=f"{self.folder}", title_justify="left")
        table.add_column("file", overflow="fold")
        table.add_column("what", overflow="fold")
        for path, what in self._rows:
            table.add_row(path.name, what)
        Console().print(table)


def warn(text: str) -> None:
    """Tells the user what the result is not."""
    Console(stderr=True).print(f"[yellow]warning:[/] {text}", highlight=False, soft_wrap=True)
