"""What a resume is told before anything is built: is it refused, is there anything to do, what differs."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from asap_lightning.data import PairedDataModule
from asap_lightning.errors import UserError
from asap_lightning.training import ModelDescription, read_checkpoint
from asap_lightning.training.stored_state import require_training_state

log = logging.getLogger(__name__)

ABSENT = "absent"
KEPT = ("seed", "initialize", "baseline")
"""Keys that a resume does not apply again: random numbers and weights go on as the checkpoint has them."""
SILENT = ("ckpt", "runs")
"""Keys that say where runs lie, not how this one is trained."""
LONGEST = 48

Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class StoredRun:
    """What a checkpoint says of the run that it is to be resumed from.

    Attributes:
        path: the file.
        description: of its networks, with the resolved configuration.
        step: generator updates done.
        epoch: epochs done.
    """

    path: Path
    description: ModelDescription
    step: int
    epoch: int

    @classmethod
    def read(cls, path: Path) -> StoredRun:
        """Reads it from a file.

        Raises:
            UserError: no checkpoint of this program, or of no training.
        """
        checkpoint = read_checkpoint(path)
        description = ModelDescription.from_checkpoint(checkpoint, path)
        require_training_state(checkpoint, path)
        position = checkpoint.get(PairedDataModule.__qualname__) or {}
        return cls(path, description, checkpoint["global_step"], position.get("epoch", 0))

    def done(self, limits: Mapping[str, Any]) -> str | None:
        """Why nothing is left to train under the node ``trainer`` of the configuration, or None."""
        steps, epochs = limits.get("max_steps", -1), limits.get("max_epochs")
        if isinstance(steps, int) and 0 < steps <= self.step:
            return f"already at step {self.step} of {steps}; raise trainer.max_steps to go on"
        if isinstance(epochs, int) and 0 < epochs <= self.epoch:
            return f"already at epoch {self.epoch} of {epochs}; raise trainer.max_epochs to go on"
        return None

    def compare(self, here: ModelDescription, folder: Path) -> None:
        """Says that the run goes on, and what is other than in the checkpoint.

        Args:
            here: what the command asks for.
            folder: of the run.

        Raises:
            UserError: the networks or the kind of data are others; lists what differs.
        """
        differences = here.differences(self.description)
        if differences:
            more = len(differences) - 8
            raise UserError(
                f"{self.path}: the checkpoint is of another model:\n  "
                + "\n  ".join(differences[:8])
                + (f"\n  and {more} more" if more > 0 else "")
                + "\nuse the settings that the checkpoint was trained with, or another checkpoint"
            )
        log.info("resuming from %s (step %d)", self.path, self.step)
        say_differences(self.description.config, here.config, folder)


def say_differences(stored: Mapping[str, Any], here: Mapping[str, Any], folder: Path) -> None:
    """One table of all settings that differ between a checkpoint and the command that resumes it.

    Args:
        stored: the resolved configuration in the checkpoint.
        here: the command's.
        folder: of the run; settings that name it are no difference.
    """
    rows = [
        (key, shown(before), shown(now), "kept" if key in KEPT else "taken")
        for key, before, now in differing(stored, here)
        if key.split(".")[0] not in SILENT and not str(now).startswith(str(folder))
    ]
    if rows:
        log.info("%s", as_text(rows))


def differing(
    before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Key, value there, value here, of everything that differs; a part that is new or gone is one row."""
    for key in dict.fromkeys([*before, *now]):
        there, here, name = before.get(key, ABSENT), now.get(key, ABSENT), f"{prefix}{key}"
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            yield from differing(there, here, f"{name}.")
        elif _plain(there) != _plain(here):
            yield name, there, here


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def shown(value: Any) -> str:
    """A value in a cell; of a part its class."""
    if isinstance(value, Mapping):
        return str(value.get("_target_", "...")).rpartition(".")[2]
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def as_text(rows: list[Row]) -> str:
    """The table as text, for the console and for the log."""
    table = Table(
        title="What differs from the checkpoint (taken: the value here counts; kept: the checkpoint's does)",
        title_justify="left",
    )
    for heading in ("key", "in the checkpoint", "here", ""):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(file=StringIO(), width=max(80, shutil.get_terminal_size((110, 20)).columns))
    console.print(table, markup=False, highlight=False)
    assert isinstance(console.file, StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())
