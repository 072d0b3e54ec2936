"""What a training has reached and where everything lies, as its last words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.table import Table

from asap_lightning.metrics import best_value
from asap_lightning.run_folder.history import MetricHistory
from asap_lightning.training.callbacks.logged_values import VALIDATION_PREFIX, checkpoint_files, run_folder
from asap_lightning.training.callbacks.metrics_csv import MetricsCsv
from asap_lightning.training.callbacks.progress import number

LOGGER_NAMES = {"RunLogger": "W&B run", "TensorBoardLogger": "TensorBoard", "CSVLogger": "CSV log"}


class FinalTable(Callback):
    """Prints the validation metrics (first, best, last) and the run's files when the training ends.

    It must come after the other callbacks. An interrupted training prints where it was and where its
    files lie.

    Args:
        folder: the run's folder; by default ``trainer.default_root_dir``.
        console: where to write; by default standard output.
    """

    def __init__(self, folder: str | Path | None = None, console: Console | None = None) -> None:
        self.folder = folder
        self.console = console if console is not None else Console()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        history = find_history(trainer)
        table = metrics_table(history) if history is not None else None
        self.console.print()
        if table is not None:
            self.console.print(table)
        self._print_outputs(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if trainer.is_global_zero and trainer.state.fn == "fit":
            self.console.print(f"stopped at step {trainer.global_step} ({type(exception).__name__})")
            self._print_outputs(trainer)

    def _print_outputs(self, trainer: Trainer) -> None:
        lines = list(outputs_of(trainer, run_folder(trainer, self.folder)))
        width = max(len(name) for name, _ in lines)
        for name, place in lines:
            self.console.print(f"{name:<{width}}  {place}", highlight=False, markup=False, soft_wrap=True)


def find_history(trainer: Trainer) -> MetricHistory | None:
    """The table of metrics that the trainer's `MetricsCsv` keeps; None without one."""
    found = [c.history for c in trainer.callbacks if isinstance(c, MetricsCsv)]  # type: ignore[attr-defined]
    return found[0] if found else None


def metrics_table(history: MetricHistory) -> Table | None:
    """First, best and last value of every validation metric with their steps; None if there is none.

    A metric without a declared direction has no best one.
    """
    names = [
        name for name in history.columns if name.startswith(VALIDATION_PREFIX) and history.series(name)[0]
    ]
    if not names:
        return None
    table = Table("validation metric", title="Training finished", title_justify="left")
    for heading in ("first", "best", "last"):
        table.add_column(heading, justify="right")
    for name in names:
        table.add_row(name.removeprefix(VALIDATION_PREFIX), *_first_best_last(name, *history.series(name)))
    return table


def _first_best_last(name: str, steps: Sequence[int], values: Sequence[float]) -> Iterator[str]:
    best = best_value(name, values)
    best_at = values.index(best) if best in values else 0
    for index in (0, None if best is None else best_at, len(values) - 1):
        yield "-" if index is None else f"{number(values[index])} @ {steps[index]}"


def outputs_of(trainer: Trainer, folder: Path) -> Iterator[tuple[str, str]]:
    """Name and place of everything that the run has written and that is there."""
    yield "run folder", shown_path(folder)
    for name, path in checkpoint_files(trainer).items():
        yield f"{name} checkpoint", shown_path(path)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        output_name, path_of = getattr(callback, "output_name", None), getattr(callback, "path", None)
        if output_name and callable(path_of) and (path := path_of(trainer)).exists():
            yield output_name, shown_path(path)
    for logger in trainer.loggers:
        place = getattr(logger, "url", None) or getattr(logger, "run_folder", None) or logger.log_dir
        if place:
            name = LOGGER_NAMES.get(type(logger).__name__, type(logger).__name__)
            yield name, shown_path(place) if isinstance(place, Path) else str(place)


def shown_path(path: Path) -> str:
    """Relative to the working folder where that is shorter."""
    absolute = str(path.resolve())
    try:
        relative = os.path.relpath(absolute)
    except ValueError:  # another drive
        return absolute
    return relative if len(relative) < len(absolute) else absolute
