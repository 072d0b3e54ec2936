"""Several trainings on one page: table with the best values bold, curves together, pictures side by side."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asap_lightning.data.panels import Picture
from asap_lightning.evaluation.cost.checkpoint import GeneratorCost
from asap_lightning.metrics import best_value, direction_of, title_of
from asap_lightning.reports.figures import colour, curves
from asap_lightning.reports.markup import Html, chip, duration, join, metric_cell, table, tag
from asap_lightning.reports.page import Page, require_plotly
from asap_lightning.reports.pictures import cells_of, embedded, read_picture
from asap_lightning.reports.runs import Run
from asap_lightning.reports.series import Panel, panels_of, series_of
from asap_lightning.reports.training import not_finite_note, smoothing_control

CELL = 320
# Places and ways of working, not what is compared.
NOT_COMPARED = ("ckpt", "runs", "name", "logger.", "callbacks.")


@dataclass(frozen=True)
class ComparisonRow:
    """What the table says of one run; None where it is not known.

    Attributes:
        run: the training.
        cost: of its generator.
        metrics: best value of each validation metric, by its name without ``val/``; the last value where no
            direction is declared.
    """

    run: Run
    cost: GeneratorCost | None
    metrics: dict[str, float]

    @property
    def parameters(self) -> int | None:
        """Of the generator."""
        return None if self.cost is None else self.cost.parameters

    @property
    def latency_ms(self) -> float | None:
        """Of one image."""
        return None if self.cost is None else self.cost.latency_ms


def compare(runs: Sequence[Run], costs: Mapping[str, GeneratorCost]) -> list[ComparisonRow]:
    """One row a run.

    Args:
        runs: the trainings.
        costs: by the run's name, of those that have a checkpoint.
    """
    return [
        ComparisonRow(
            run,
            costs.get(run.name),
            {name.removeprefix("val/"): _reached(name, run.history.series(name)[1]) for name in run.metrics},
        )
        for run in runs
    ]


def _reached(name: str, values: Sequence[float]) -> float:
    best = best_value(name, values)
    return values[-1] if best is None else best


def write_comparison(rows: Sequence[ComparisonRow], path: Path) -> None:
    """Writes the runs as an HTML file.

    Raises:
        UserError: plotly is not installed.
    """
    require_plotly()
    runs = [row.run for row in rows]
    page = Page("Comparison", f"{len(runs)} trainings")
    notes = [tag("p", f"{run.name}: ", note) for run in runs if (note := not_finite_note(run))]
    page.section("Result", result_table(rows), *notes)
    page.section("Samples", *samples(runs))
    page.section("Curves", chips(runs), *_curves(page, runs))
    page.section("What differs", differences_table(runs))
    page.write(path)


def result_table(rows: Sequence[ComparisonRow]) -> Html:
    """Size, time, speed and best metrics; the best of a column is bold."""
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    columns: list[tuple[str, Sequence[float | None]]] = [
        ("updates", [row.run.steps for row in rows]),
        ("parameters", [row.parameters for row in rows]),
        ("images_per_second", [row.run.throughput for row in rows]),
        ("latency_ms", [row.latency_ms for row in rows]),
        *((name, [row.metrics.get(name) for row in rows]) for name in names),
    ]
    cells = [_numbers(name, values) for name, values in columns]
    table_rows = [
        [
            _chip(index, row.run.name),
            row.run.status,
            duration(row.run.training_seconds),
            *(column[index] for column in cells),
        ]
        for index, row in enumerate(rows)
    ]
    shown = table(
        ["run", "status", "time in updates", *(title_of(name) for name, _ in columns)],
        table_rows,
        id_="result",
    )
    return join([shown, tag("p", _measured(rows), class_="note")])


def _numbers(name: str, values: Sequence[float | None]) -> list[Html]:
    """Cells, the best of them marked if it is known which way is better."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    best = best_value(name, known) if len(known) > 1 else None
    return [metric_cell(name, value, best) for value in values]


def _measured(rows: Sequence[ComparisonRow]) -> str:
    sentences = ["Metrics are the best of each run's validations."]
    names = dict.fromkeys(name for row in rows for name in row.metrics)
    undirected = [name for name in names if direction_of(name) is None]
    if undirected:
        sentences.append(f"Of {', '.join(undirected)}, which have no declared direction, they are the last.")
    ways = {(row.cost.size, row.cost.device) for row in rows if row.cost and row.cost.latency_ms is not None}
    if ways:
        shown = " and ".join(f"{height} x {width} on {device}" for (height, width), device in sorted(ways))
        sentences.append(
            f"Latency: the fastest of several calls for one image of {shown}, measured just now."
        )
    without = [row.run.name for row in rows if row.cost is None]
    if without:
        sentences.append(f"Without a checkpoint, so of unknown size and latency: {', '.join(without)}.")
    return " ".join(sentences)


def differences(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Key of the configuration -> each run's value, of all keys in which they differ."""
    flat = [_flat(run.config) for run in runs]
    keys = dict.fromkeys(key for one in flat for key in one)
    return {
        key: [one.get(key, "–") for one in flat]
        for key in keys
        if not f"{key}.".startswith(NOT_COMPARED) and len({repr(one.get(key)) for one in flat}) > 1
    }


def differences_table(runs: Sequence[Run]) -> Html:
    """Those keys as a table, one column a run."""
    found = differences(runs)
    if not found:
        return tag("p", "Nothing in their configurations.", class_="note")
    rows = [[tag("code", key), *(tag("code", value) for value in values)] for key, values in found.items()]
    return table(
        ["key", *(_chip(index, run.name) for index, run in enumerate(runs))], rows, id_="differences"
    )


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return flat


def _chip(index: int, name: str) -> Html:
    return chip(name, colour(index))


def chips(runs: Sequence[Run]) -> Html:
    """The smoothing slider and the runs' colours; both stay in sight."""
    control = smoothing_control()
    inner = join(_chip(index, run.name) for index, run in enumerate(runs))
    return Html(control.removesuffix("</div>") + inner + "</div>")


def _curves(page: Page, runs: Sequence[Run]) -> list[Html]:
    """Each column in a panel of its own, with a curve of every run that has logged it."""
    columns = list(dict.fromkeys(column for run in runs for column in run.columns))
    panels = [
        Panel(_title(panel, column), panel.section, (column,))
        for panel in panels_of(columns)
        for column in panel.columns
    ]
    blocks = []
    for section in dict.fromkeys(panel.section for panel in panels):
        drawn = [_panel(page, runs, panel) for panel in panels if panel.section == section]
        blocks += [tag("h3", section), tag("div", *drawn, class_="plots")]
    return blocks


def _title(panel: Panel, column: str) -> str:
    return panel.title if len(panel.columns) == 1 else f"{panel.title}: {column.partition('/')[2] or column}"


def _panel(page: Page, runs: Sequence[Run], panel: Panel) -> Html:
    (column,) = panel.columns
    having = [(index, run) for index, run in enumerate(runs) if column in run.columns]
    figure = curves(
        [(run.name, series_of(run, column)) for _, run in having],
        colours=[colour(index) for index, _ in having],
    )
    return page.figure(figure, panel.title)


@dataclass(frozen=True)
class _Shown:
    index: int
    run: Run
    step: int
    cells: list[dict[str, Picture]]


def samples(runs: Sequence[Run]) -> list[Html]:
    """Newest pictures of the same held-out samples side by side.

    Runs belong together if their conditions and photos are the same, pixel by pixel.
    """
    groups: dict[str, list[_Shown]] = {}
    apart: list[str] = []
    for index, run in enumerate(runs):
        shown = _newest(index, run)
        if shown is None:
            apart.append(run.name)
            continue
        known = b"".join(cell.tobytes() for row in shown.cells for cell in (row["condition"], row["photo"]))
        shape = str([row["condition"].shape for row in shown.cells])
        groups.setdefault(hashlib.sha256(shape.encode() + known).hexdigest(), []).append(shown)
    blocks = [_side_by_side(group) for group in groups.values()]
    if len(groups) > 1:
        note = "These runs were validated on other samples or at another size, so they stand apart."
        blocks.insert(0, tag("p", note, class_="warning"))
    if apart:
        blocks.append(tag("p", f"Without sample grids that can be cut: {', '.join(apart)}.", class_="note"))
    return blocks


def _newest(index: int, run: Run) -> _Shown | None:
    if not run.grids:
        return None
    step, path = list(run.grids.items())[-1]
    cells = cells_of(run, read_picture(path))
    return None if cells is None else _Shown(index, run, step, cells)


def _side_by_side(group: Sequence[_Shown]) -> Html:
    """Condition, what each run made of it, photo; exemplars before the first run that they were lent to."""
    first = group[0].cells
    headings: list[Html | str] = ["condition"]
    columns = [[row["condition"] for row in first]]
    lent: set[bytes] = set()
    for one in group:
        exemplars = [row["exemplar"] for row in one.cells if "exemplar" in row]
        known = b"".join(picture.tobytes() for picture in exemplars)
        if exemplars and known not in lent:
            headings.append("exemplar")
            columns.append(exemplars)
            lent.add(known)
        headings.append(join([_chip(one.index, one.run.name), tag("br"), f"step {one.step}"]))
        columns.append([row["generated"] for row in one.cells])
    headings.append("photo")
    columns.append([row["photo"] for row in first])
    return table(headings, [list(map(_image, row)) for row in zip(*columns, strict=True)], class_="samples")


def _image(picture: Picture) -> Html:
    return tag("img", src=embedded(picture, CELL), alt="")
