"""One training as a page: curves, pictures over time, table, configuration, files."""

from __future__ import annotations

import math
import os
from pathlib import Path

import yaml

from asap_lightning.metrics import best_value, title_of
from asap_lightning.reports.figures import curves
from asap_lightning.reports.markup import Html, duration, escaped, facts, folded, number, table, tag
from asap_lightning.reports.page import Page, require_plotly
from asap_lightning.reports.pictures import embedded, read_picture, spread_over
from asap_lightning.reports.runs import Run
from asap_lightning.reports.series import Panel, panels_of, series_of
from asap_lightning.run_folder import names

SMOOTHING = 0.6
WIDEST = 1200
FILES = {
    "best checkpoint": names.BEST.as_posix(),
    "last checkpoint": names.LAST.as_posix(),
    "metrics": names.METRICS_CSV,
    "curves": "curves.png",
    "newest samples": "samples/latest.png",
    "log": names.LOG,
    "configuration": names.CONFIG,
    "W&B run": "wandb",
    "TensorBoard": "tensorboard",
    "CSV log": "csv_logs",
}


def write_training_report(run: Run, path: Path, *, pictures: int = 24) -> None:
    """Writes one run as an HTML file.

    Args:
        run: as `read_run` gives it.
        path: of the file.
        pictures: how many sample grids, evenly over the training, are put into the file.

    Raises:
        UserError: plotly is not installed.
    """
    require_plotly()
    page = Page(f"Training {run.name}", run.status)
    page.section("Result", metrics_table(run), summary(run), not_finite_note(run))
    panels = panels_of(run.columns)
    if panels:
        page.section("Curves", smoothing_control(), *_sections(page, run, panels))
    page.section("Samples", samples(run, path, pictures))
    page.section("Configuration", configuration(run))
    page.section("Files", files(run, path))
    page.write(path)


def metrics_table(run: Run) -> Html:
    """First, best (if its direction is declared) and last value of every validation metric."""
    if not run.metrics:
        return tag("p", "Nothing was validated yet.", class_="note")
    rows = []
    for name in run.metrics:
        steps, values = run.history.series(name)
        best = best_value(name, values)
        shown = [f"{number(value)} @ {step}" for step, value in zip(steps, values, strict=True)]
        at_best = shown[values.index(best) if best in values else 0] if best is not None else number(None)
        rows.append([title_of(name), *(tag("td", text) for text in (shown[0], at_best, shown[-1]))])
    return table(["validation metric", "first @ step", "best @ step", "last @ step"], rows, id_="metrics")


def summary(run: Run) -> Html:
    """What the run was, in a few lines."""
    time_shown = duration(run.training_seconds)
    pairs: dict[str, object] = {
        "generator updates": run.steps,
        "time in updates, without validation": time_shown,
        "images a second, median": number(run.throughput),
    }
    if run.overrides:
        pairs["typed"] = tag("code", " ".join(["asap train", *run.overrides]))
    return facts(pairs)


def not_finite_note(run: Run) -> Html:
    """Which values are NaN or infinite, and when for the first time."""
    found = []
    for column in run.columns:
        steps, values = run.history.series(column)
        bad = [step for step, value in zip(steps, values, strict=True) if not math.isfinite(value)]
        if bad:
            found.append(f"{column} ({len(bad)} of {len(steps)}, first at step {bad[0]})")
    if not found:
        return Html("")
    return tag("p", f"Not finite, and left out of the curves: {', '.join(found)}.", class_="warning")


def smoothing_control() -> Html:
    """The slider that all curves of more than a few points follow."""
    return tag(
        "div",
        tag(
            "label",
            "smoothing",
            tag("input", type="range", id="smoothing", min=0, max=0.99, step=0.01, value=SMOOTHING),
            tag("output", f"{SMOOTHING:.2f}", id="smoothing-value"),
        ),
        tag("span", "faint: as logged", class_="note"),
        class_="controls",
    )


def _sections(page: Page, run: Run, panels: list[Panel]) -> list[Html]:
    blocks = []
    for section in dict.fromkeys(panel.section for panel in panels):
        drawn = [_panel(page, run, panel) for panel in panels if panel.section == section]
        blocks += [tag("h3", section), tag("div", *drawn, class_="plots")]
    if any(series_of(run, column).thinned for column in run.columns):
        blocks.append(
            tag(
                "p", "Long curves show the extremes of intervals; metrics.csv has every value.", class_="note"
            )
        )
    return blocks


def _panel(page: Page, run: Run, panel: Panel) -> Html:
    named = [(column.partition("/")[2] or column, series_of(run, column)) for column in panel.columns]
    return page.figure(curves(named), panel.title, legend=len(named) > 1)


def samples(run: Run, path: Path, most: int) -> Html:
    """The sample grids with a slider over time."""
    chosen = spread_over(run.grids, most)
    if not chosen:
        return Html("")
    steps = list(chosen)
    images = [
        tag(
            "img",
            src=embedded(read_picture(grid), WIDEST),
            alt=f"step {step}",
            class_="shown" if step == steps[-1] else "",
        )
        for step, grid in chosen.items()
    ]
    control = tag(
        "div",
        tag(
            "input", type="range", min=0, max=len(steps) - 1, step=1, value=len(steps) - 1, aria_label="step"
        ),
        tag("output", f"step {steps[-1]}"),
        class_="bar",
    )
    left_out = f"{len(steps)} of {len(run.grids)} grids; " if len(steps) < len(run.grids) else ""
    note = tag("p", left_out, "whole pictures: ", _link(run.folder / "samples", path), class_="note")
    return tag("div", control if len(steps) > 1 else Html(""), *images, note, class_="slides")


def configuration(run: Run) -> Html:
    """The resolved configuration, folded."""
    if not run.config:
        return tag("p", "The run kept no config.yaml.", class_="note")
    text = yaml.safe_dump(run.config, sort_keys=False, allow_unicode=True)
    return folded("the whole, resolved configuration", tag("pre", text))


def files(run: Run, path: Path) -> Html:
    """Where everything of the run lies."""
    there = {name: run.folder / place for name, place in FILES.items() if (run.folder / place).exists()}
    rows = {"folder": escaped(run.folder.resolve())}
    return facts({**rows, **{name: _link(place, path) for name, place in there.items()}})


def _link(target: Path, page: Path) -> Html:
    """A link that still works when both are moved together."""
    relative = os.path.relpath(target.resolve(), page.resolve().parent)
    return tag("a", relative, href=Path(relative).as_posix())
