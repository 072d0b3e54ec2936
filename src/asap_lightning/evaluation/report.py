"""What an evaluation has found: figures of every image and their means, as files and as a table."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

from rich.table import Table

from asap_lightning import __version__
from asap_lightning.data.panels import Picture, save_png, tile
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.metrics import METRICS, ImageScores
from asap_lightning.wording import counted

MEASURED = ImageScores._fields


@dataclass(frozen=True)
class ImageRow:
    """The figures of one image by metric; see `asap_lightning.metrics` for what exactly they are."""

    name: str
    scores: Mapping[str, float]


@dataclass
class EvaluationReport:
    """The figures of a data set.

    Attributes:
        rows: one an image, in the order of the data set.
        samples: rows of pictures (condition, generated, photo) of some images, by name.
        titles: headings of their columns.
        about: what was evaluated (checkpoint, data, split, ..), plain values.
    """

    rows: list[ImageRow]
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

    def values(self, metric: str) -> list[float]:
        """The figures of all images."""
        return [row.scores[metric] for row in self.rows]

    @property
    def means(self) -> dict[str, float]:
        """Mean over images of every metric."""
        return {metric: fmean(self.values(metric)) for metric in MEASURED}

    def worst(self, metric: str = "psnr", count: int = 5) -> list[ImageRow]:
        """The images with the worst figures, the worst first: those without a finite one before all."""
        sign = 1 if METRICS[metric].higher_is_better else -1

        def goodness(row: ImageRow) -> tuple[bool, float]:
            value = row.scores[metric]
            return (True, sign * value) if math.isfinite(value) else (False, 0.0)

        return sorted(self.rows, key=goodness)[:count]

    def as_dict(self) -> dict[str, Any]:
        """Plain values: what `metrics.json` holds; null for what is not finite, which JSON cannot write."""
        return {
            "about": {"version": __version__, **self.about},
            "images": len(self.rows),
            "metrics": _finite(self.means),
            "spread": {metric: self._spread(metric) for metric in MEASURED},
            "per_image": {row.name: _finite({m: row.scores[m] for m in MEASURED}) for row in self.rows},
        }

    def _spread(self, metric: str) -> Mapping[str, float | None]:
        values = self.values(metric)
        if not all(map(math.isfinite, values)):  # neither an order nor a deviation
            return dict.fromkeys(("std", "median", "min", "max"))
        return {
            "std": stdev(values) if len(values) > 1 else None,
            "median": median(values),
            "min": min(values),
            "max": max(values),
        }

    def save(self, folder: str | Path) -> dict[str, Path]:
        """Writes ``metrics.json``, ``images.csv`` and, if there are samples, ``samples.png``.

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
            writer.writerow(["name", *MEASURED])
            writer.writerows([row.name, *(repr(row.scores[m]) for m in MEASURED)] for row in self.rows)
        if self.samples:
            written["samples"] = folder / "samples.png"
            save_png(written["samples"], tile([pictures for _, pictures in self.samples], self.titles))
        return written

    def table(self) -> Table:
        """Mean, standard deviation, median, worst and best of every metric."""
        table = Table("metric", title=self._title(), title_justify="left")
        for heading in ("mean", "std", "median", "worst", "best"):
            table.add_column(heading, justify="right")
        for metric in MEASURED:
            spread = self._spread(metric)
            ends = (spread["min"], spread["max"])
            worst, best = ends if METRICS[metric].higher_is_better else ends[::-1]
            figures = (self.means[metric], spread["std"], spread["median"], worst, best)
            shown = ("-" if value is None else f"{value:.4f}" for value in figures)
            table.add_row(METRICS[metric].title, *shown)
        return table

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


def _finite(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if v is None or not math.isfinite(v) else v for name, v in values.items()}
