"""A run read back from its folder, without touching it: it may still be training."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.metrics import METRICS
from asap_lightning.run_folder import names
from asap_lightning.run_folder.history import MetricHistory
from asap_lightning.run_folder.status import Status, status_of
from asap_lightning.untrusted import read_yaml
from asap_lightning.wording import counted

VALIDATION = "val/"
THROUGHPUT = METRICS["images_per_second"].logged


LARGEST_NUMBER = 2**53
"""What a configuration's numbers are below; they are multiplied with floats."""


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        folder: of the run.
        name: what tells it apart in a report.
        config: the resolved configuration; empty if the run did not keep it.
        overrides: what was typed.
        history: everything that was logged, by generator update.
        state: whether it came to its end, or what became of it.
    """

    folder: Path
    name: str
    config: dict[str, Any]
    overrides: list[str]
    history: MetricHistory
    state: Status

    def at(self, key: str) -> Any:
        """Whatever the configuration holds at a key; None where it holds nothing."""
        node: Any = self.config
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        return node

    def number(self, key: str) -> int | None:
        """A positive whole number of the configuration; None where the file holds none at that key."""
        node = self.at(key)
        return node if type(node) is int and 0 < node < LARGEST_NUMBER else None

    @property
    def columns(self) -> list[str]:
        """Names of what was logged, in order of appearance."""
        return [name for name in self.history.columns[1:] if name != "epoch" and self.history.series(name)[0]]

    @property
    def metrics(self) -> list[str]:
        """Names of the validation metrics."""
        return [name for name in self.columns if name.startswith(VALIDATION)]

    @property
    def steps(self) -> int:
        """Generator updates done."""
        return max(self.history.last_step, 0)

    @property
    def status(self) -> str:
        """Finished, or how far it has come."""
        if self.state.kind in ("finished", "pruned"):
            return f"{self.state.kind} at step {self.steps}"
        most = self.number("trainer.max_steps")
        goal = f" of {most}" if most is not None else ""
        return f"not finished: step {self.steps}{goal}"

    @cached_property
    def grids(self) -> dict[int, Path]:
        """Step -> picture of the validation samples, in order."""
        found = {}
        for path in (self.folder / names.SAMPLES).glob("step_*.png"):
            digits = path.stem.removeprefix("step_")
            if digits.isdigit():
                found[int(digits)] = path
        return dict(sorted(found.items()))

    @property
    def checkpoint(self) -> Path | None:
        """The best checkpoint, or else the last."""
        return names.best_checkpoint(self.folder)

    @property
    def throughput(self) -> float | None:
        """Median of the images a second."""
        values = sorted(value for value in self.history.series(THROUGHPUT)[1] if math.isfinite(value))
        return values[len(values) // 2] if values else None

    @property
    def training_seconds(self) -> float | None:
        """Time spent in updates, from throughput and batch size; validation and pauses are not in it."""
        steps, speeds = self.history.series(THROUGHPUT)
        batch = self.number("data.batch_size")
        if not steps or batch is None:
            return None
        accumulate = self.number("training.accumulate") or 1
        processes = 1 + len(names.rank_logs(self.folder))
        updates = [step - before for before, step in zip([0, *steps], steps, strict=False)]
        seconds = [n / speed for n, speed in zip(updates, speeds, strict=True) if speed > 0]
        return batch * accumulate * processes * sum(seconds)


def read_run(folder: str | Path, name: str | None = None) -> Run:
    """Reads a run's folder.

    Raises:
        UserError: it is not one, or nothing was logged yet.
    """
    folder = Path(folder)
    table = folder / names.METRICS_CSV
    if not table.is_file():
        raise UserError(_no_run(folder))
    history = MetricHistory(table, read_only=True)
    if not history.rows:
        raise UserError(
            f"{table} has no row of metrics yet: the training has not come to its first logging step or "
            "validation; wait, or lower trainer.log_every_n_steps"
        )
    overrides = _yaml(folder / names.OVERRIDES)
    config = _yaml(folder / names.CONFIG)
    return Run(
        folder,
        name or folder.resolve().name,
        config if isinstance(config, dict) else {},
        [str(word) for word in overrides] if isinstance(overrides, list) else [],
        history,
        status_of(folder),
    )


def read_runs(folders: Sequence[str | Path]) -> list[Run]:
    """Reads several runs; each is named by the parts of its path that tell it from the others.

    Raises:
        UserError: one of them is not a run, or occurs twice.
    """
    titles = distinct_names([Path(folder) for folder in folders])
    return [read_run(folder, title) for folder, title in zip(folders, titles, strict=True)]


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """The folders' paths without what they all begin with.

    Raises:
        UserError: a folder occurs twice.
    """
    resolved = [folder.resolve() for folder in folders]
    for folder in resolved:
        if resolved.count(folder) > 1:
            raise UserError(f"{folder} is named twice; a run cannot be compared with itself")
    if len(resolved) == 1:
        return [resolved[0].name]
    common = Path(os.path.commonpath(resolved))
    return [folder.relative_to(common).as_posix() if folder != common else folder.name for folder in resolved]


def _no_run(folder: Path) -> str:
    """What is there instead of a run, and what to do."""
    if not folder.is_dir():
        return f"{folder} is not a folder; expected the folder of a run, runs/NAME/TIME"
    if (folder / names.CONFIG).is_file() or (folder / names.HYDRA).is_dir():
        return (
            f"{folder} is a run without metrics.csv: it has logged nothing yet, or was made with "
            "callbacks=none or ~callbacks.metrics_csv"
        )
    runs = sorted(path.parent for path in folder.glob(f"*/{names.HYDRA}"))
    if len(runs) == 1:
        return f"{folder} holds one run: asap report training {shlex.quote(str(runs[0]))}"
    if runs:
        inner = sorted(path.parent for path in folder.glob(f"*/{names.METRICS_CSV}"))
        hint = f", or name one run, as {inner[-1]}" if inner else ""
        return f"{folder} holds {counted(len(runs), 'run')}: asap report sweep {folder}{hint}"
    return (
        f"{folder} is not the folder of a run: it holds neither metrics.csv nor config.yaml; "
        "expected runs/NAME/TIME, as asap train makes it"
    )


def _yaml(path: Path) -> Any:
    if not path.is_file():
        return None
    return read_yaml(path)
