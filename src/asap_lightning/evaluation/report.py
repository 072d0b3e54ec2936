"""What an evaluation has found: scores of every image and of the whole set, as files and as a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, stdev
from typing import Any

from rich.table import Table

from asap_lightning import __version__
from asap_lightning.data.panels import Picture, save_png, tile
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.metrics import METRICS, Results
from asap_lightning.wording import counted


@dataclass(frozen=True)
class ImageRow:
    """The scores of one image by metric; None where it has none."""

    name: str
    scores: Mapping[str, float | None]


@dataclass
class EvaluationReport:
    """The scores of a data set.

    Attributes:
        rows: one an image, in the order of the data set.
        results: the scores of the set.
        samples: rows of pictures (see `sample_pictures`) of some images, by name.
        titles: headings of their columns.
        about: what was evaluated (checkpoint, data, split, ..), plain values.
    """

    rows: list[ImageRow]
    results: Results
    samples: list[tuple[str, list[Picture]]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.rows:
            raise UserError("nothing was evaluated: the data set has no pair with a photo")
        names = [row.name for row in self.rows]
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(f"images evaluated more than once: {', '.join(twice[:5])}")

    @property
    def metrics(self) -> list[str]:
        """Keys of all metrics that were asked for, as they were named."""
        return list(self.results.values)

    @property
    def of_images(self) -> list[str]:
        """Keys of those that every image has a score of."""
        return [key for key in self.metrics if key in self.rows[0].scores]

    def values(self, metric: str) -> list[float | None]:
        """The scores of all images."""
        return [row.scores[metric] for row in self.rows]

    @property
    def scores(self) -> dict[str, float]:
        """The scores of the set, without those that have no value."""
        return {key: value for key, value in self.results.values.items() if value is not None}

    def worst(self, metric: str = "psnr", count: int = 5) -> list[ImageRow]:
        """The images with the worst scores, the worst first: those without one before all."""
        sign = 1 if METRICS[metric].higher_is_better else -1

        def goodness(row: ImageRow) -> tuple[bool, float]:
            value = row.scores[metric]
            return (False, 0.0) if value is None else (True, sign * value)

        return sorted(self.rows, key=goodness)[:count]

    def as_dict(self) -> dict[str, Any]:
        """Plain values: what `metrics.json` holds; null for a score that is not there."""
        results = self.results
        return {
            "about": {"version": __version__, **self.about},
            "images": len(self.rows),
            "metrics": dict(results.values),
            "unavailable": {
                key: {"reason": why.reason, "command": why.command}
                for key, why in results.unavailable.items()
            },
            "warnings": list(results.warnings),
            "spread": {metric: self._spread(metric) for metric in self.of_images},
            "details": dict(results.details),
            "per_image": {row.name: dict(row.scores) for row in self.rows},
        }

    def _spread(self, metric: str) -> Mapping[str, float | None]:
        values = [value for value in self.values(metric) if value is not None]
        if len(values) < len(self.rows):  # neither an order nor a deviation
            return dict.fromkeys(("std", "median", "min", "max"))
        return {
            "std": stdev(values) if len(values) > 1 else None,
            "median": median(values),
            "min": min(values),
            "max": max(values),
        }

    def save(self, folder: str | Path) -> dict[str, Path]:
        """Writes ``metrics.json``, ``images.csv``, the metrics' pictures and, if there are, ``samples.png``.

        Returns:
            Name -> path of what was written.
        """
        folder = Path(folder)
        written = {"metrics": folder / "metrics.json", "images": folder / "images.csv"}
        with atomic_write(written["metrics"], "w") as file:
            json.dump(self.as_dict(), file, indent=2, allow_nan=False)
            file.write("\n")
        with atomic_write(written["images"], "w") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["name", *self.of_images])
            writer.writerows([row.name, *_cells(row, self.of_images)] for row in self.rows)
        for name, picture in self.results.pictures.items():
            written[name] = folder / f"{name}.png"
            save_png(written[name], picture)
        if self.samples:
            written["samples"] = folder / "samples.png"
            save_png(written["samples"], tile([pictures for _, pictures in self.samples], self.titles))
        return written

    def table(self) -> Table:
        """The score of every metric (of a metric of images the mean), and how images spread around it."""
        table = Table("metric", title=self._title(), title_justify="left")
        for heading in ("score", "std", "median", "worst", "best"):
            table.add_column(heading, justify="right")
        for metric in self.metrics:
            figures = (self.results.values[metric], *self._ends(metric))
            shown = ("-" if value is None else f"{value:.4f}" for value in figures)
            table.add_row(METRICS[metric].title, *shown)
        return table

    def _ends(self, metric: str) -> Sequence[float | None]:
        """Deviation, median, worst and best of images; nothing of a set's metric."""
        if metric not in self.of_images:
            return (None,) * 4
        spread = self._spread(metric)
        ends = (spread["min"], spread["max"])
        return (
            spread["std"],
            spread["median"],
            *(ends if METRICS[metric].direction == "max" else ends[::-1]),
        )

    def notes(self) -> list[str]:
        """Which metrics have no score and why, and what a reader of the others must know; a line each."""
        missing = [f"{key} is unavailable: {why}" for key, why in self.results.unavailable.items()]
        return [*missing, *self.results.warnings]

    def require_all(self) -> None:
        """A `UserError` if a metric that was asked for has no score."""
        missing = self.results.unavailable
        if missing:
            raise UserError(
                f"{counted(len(missing), 'metric')} of {len(self.metrics)} could not be computed: "
                f"{', '.join(missing)} (the reasons are above and in metrics.json); "
                "evaluation.allow_missing=true takes the others for enough"
            )

    def _title(self) -> str:
        data = self.about.get("data")
        about = described(data) if isinstance(data, Mapping) else ""
        return counted(len(self.rows), "image") + (f": {about}" if about else "")


def described(data: Mapping[str, Any]) -> str:
    """Split, size and mode of a measurement, as one line."""
    parts = [f"split {data['split']}"] if "split" in data else []
    if "height" in data and "width" in data:
        parts.append(f"{data['width']} x {data['height']} (width x height)")
    parts += [f"mode {data['mode']}"] if "mode" in data else []
    parts += [f"limited to the first {data['limit']}"] if data.get("limit") else []
    return ", ".join(parts)


def _cells(row: ImageRow, metrics: Sequence[str]) -> list[str]:
    values = (row.scores[metric] for metric in metrics)
    return ["" if value is None else repr(value) for value in values]
