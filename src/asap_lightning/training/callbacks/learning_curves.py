"""``curves.png``: losses and metrics over generator updates."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.files import atomic_write
from asap_lightning.metrics.declarations import METRICS, VALIDATED
from asap_lightning.run_folder.history import MetricHistory
from asap_lightning.run_folder.names import METRICS_CSV
from asap_lightning.training.callbacks.logged_values import run_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = (
    ("generator loss terms", "loss_g/"),
    ("discriminator loss terms", "loss_d/"),
    *((metric.title, metric.logged) for metric in (*VALIDATED, METRICS["images_per_second"])),
)


class LearningCurves(Callback):
    """Draws ``<run>/curves.png`` from ``metrics.csv`` after validations and at the end.

    It reads the file that `MetricsCsv` writes, so it must come after it; a resumed run's picture
    shows the whole run.

    Args:
        folder: the run's folder; by default ``trainer.default_root_dir``.
        metrics_file: name of the CSV file inside it.
        every_seconds: shortest time between two drawings (one takes about half a second); the last
            one is made in any case.
    """

    output_name = "learning curves"

    def __init__(
        self,
        folder: str | Path | None = None,
        metrics_file: str = METRICS_CSV,
        every_seconds: float = 30.0,
    ) -> None:
        self.folder = folder
        self.metrics_file = metrics_file
        self.every_seconds = every_seconds
        self._drawn = float("-inf")

    def path(self, trainer: Trainer) -> Path:
        """Where the picture lies."""
        return run_folder(trainer, self.folder) / "curves.png"

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        due = time.monotonic() - self._drawn >= self.every_seconds
        if due and not trainer.sanity_checking:
            self._draw(trainer)
            self._drawn = time.monotonic()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._draw(trainer)

    @rank_zero_only
    def _draw(self, trainer: Trainer) -> None:
        table = run_folder(trainer, self.folder) / self.metrics_file
        if table.exists():
            draw_curves(MetricHistory(table), self.path(trainer))


def draw_curves(history: MetricHistory, path: Path, panels: Sequence[tuple[str, str]] = PANELS) -> list[str]:
    """Draws one axes for each panel that has values, and writes a PNG.

    Args:
        history: the table of metrics.
        path: the PNG file.
        panels: title and column (or, ending in ``/``, the beginning of several columns).

    Returns:
        The columns drawn; if there is none, no file is written.
    """
    from matplotlib.figure import Figure

    chosen = [(title, _columns(history, prefix)) for title, prefix in panels]
    chosen = [(title, columns) for title, columns in chosen if columns]
    if not chosen:
        return []
    across = min(3, len(chosen))
    down = -(-len(chosen) // across)
    figure = Figure(figsize=(5 * across, 3.4 * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat[len(chosen) :]:
        axes.set_visible(False)
    for axes, (title, columns) in zip(grid.flat, chosen, strict=False):
        _draw_panel(axes, history, title, columns)
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=100)
    return [column for _, columns in chosen for column in columns]


def _columns(history: MetricHistory, prefix: str) -> list[str]:
    is_group = prefix.endswith("/")
    matching = [n for n in history.columns if (n.startswith(prefix) if is_group else n == prefix)]
    return [name for name in matching if history.series(name)[0]]


def _draw_panel(axes: Axes, history: MetricHistory, title: str, columns: list[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    for column in columns:
        steps, values = history.series(column)
        marker = "o" if len(steps) <= 30 else None
        noisy = len(steps) > 100
        drawn = _smoothed(values) if noisy else values
        label = column.partition("/")[2]
        (line,) = axes.plot(steps, drawn, label=label, linewidth=1.5, marker=marker, markersize=3)
        if noisy:
            axes.plot(steps, values, color=line.get_color(), linewidth=1, alpha=0.3, zorder=1)
    axes.set_title(title)
    axes.set_xlabel("generator updates")
    axes.set_xlim(0, max(1, history.last_step) * 1.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if len(columns) > 1:
        axes.legend(fontsize="small")


def _smoothed(values: list[float], share: float = 0.02) -> list[float]:
    """Exponential mean whose memory is about ``share`` of the whole curve; NaN values are passed over."""
    keep = 1 - 1 / max(share * len(values), 1)
    mean, smooth = float("nan"), []
    for value in values:
        if value == value:
            mean = value if mean != mean else keep * mean + (1 - keep) * value
        smooth.append(mean)
    return smooth
