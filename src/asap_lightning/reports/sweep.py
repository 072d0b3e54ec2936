"""A sweep as a page: table, Pareto front, parallel coordinates, and what did not finish."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asap_lightning.metrics import METRICS, MetricDeclaration, title_of
from asap_lightning.reports.figures import Point, latency_and_quality, parallel_coordinates
from asap_lightning.reports.markup import Html, figure_cell, metric_cell, row, table, tag
from asap_lightning.reports.page import Page, require_plotly
from asap_lightning.reports.sweep_jobs import SweepJob, metric_called, pareto_front
from asap_lightning.reports.sweep_table import MEASURED, metric_names, scaled, short_names
from asap_lightning.wording import counted


def write_sweep_report(jobs: Sequence[SweepJob], metric: MetricDeclaration, path: Path, title: str) -> None:
    """Writes a sweep as an HTML file.

    Args:
        jobs: as `read_sweep` gives them, measured.
        metric: the validation metric that comes first.
        path: of the file.
        title: of the page.

    Raises:
        UserError: plotly is not installed.
    """
    require_plotly()
    finished = sum(job.status == "finished" for job in jobs)
    page = Page(title, f"{counted(len(jobs), 'job')}, {finished} finished")
    names = [metric.key, *(name for name in metric_names(jobs) if name != metric.key)]
    rated = [one for name in names if (one := metric_called(name, metric))]
    plots = [plot for one in rated if (plot := _scatter(page, jobs, one))]
    if plots:
        note = "The front's jobs are those that no other job betters in one without loss in the other."
        page.section("Latency and quality", tag("p", note, class_="note"), tag("div", *plots, class_="plots"))
    page.section("Parallel coordinates", _parallel(page, jobs, metric, names))
    page.section("Jobs", jobs_table(jobs, metric))
    page.section("Not finished", unfinished(jobs))
    page.write(path)


def job_name(job: SweepJob, names: dict[str, str]) -> str:
    """The settings that make this job, as a text."""
    return ", ".join(f"{names[key]}={value}" for key, value in job.settings.items()) or job.folder.name


def _scatter(page: Page, jobs: Sequence[SweepJob], metric: MetricDeclaration) -> Html | None:
    names = short_names(jobs)

    def points(chosen: Sequence[SweepJob]) -> list[Point]:
        return [
            (job_name(job, names), job.latency_ms, job.metrics[metric.key])
            for job in chosen
            if job.latency_ms is not None and math.isfinite(job.metrics.get(metric.key, math.nan))
        ]

    front = pareto_front(jobs, metric)
    if not front:
        return None
    on_front = {id(job) for job in front}
    others = points([job for job in jobs if id(job) not in on_front])
    figure = latency_and_quality(others, points(front), metric.title)
    return page.figure(figure, f"{metric.heading} against latency ({metric.better})", height=380)


def _parallel(
    page: Page, jobs: Sequence[SweepJob], metric: MetricDeclaration, metrics: Sequence[str]
) -> Html:
    """One line a job that has the metric; axes of which no job lacks a value."""
    shown = [job for job in jobs if math.isfinite(job.metrics.get(metric.key, math.nan))]
    if not shown:
        return Html("")
    names = short_names(shown)
    axes: dict[str, list[Any]] = {name: [job.settings[key] for job in shown] for key, name in names.items()}
    measured: dict[str, list[Any]] = {
        **{METRICS[name].title: [scaled(job, METRICS[name]) for job in shown] for name in MEASURED},
        **{title_of(name): [job.metrics.get(name, math.nan) for job in shown] for name in reversed(metrics)},
    }
    complete = {
        name: values
        for name, values in measured.items()
        if all(value is not None and math.isfinite(value) for value in values)
    }
    figure = parallel_coordinates(
        axes | complete,
        complete[metric.title],
        [job.folder.name for job in shown],
        good_is_high=metric.higher_is_better,
        settings=list(axes),
    )
    note = tag(
        "p",
        f"The more orange a line, the better its {metric.heading}. Draw along an axis to keep only the jobs "
        "that pass there, also in the table; click the axis to let all through again.",
        class_="note",
    )
    return Html(note + page.figure(figure, "Settings, cost, quality", wide=True, height=440))


def jobs_table(jobs: Sequence[SweepJob], metric: MetricDeclaration) -> Html:
    """One row a job; those of the front are marked, the best values bold."""
    names, metrics = short_names(jobs), metric_names(jobs)
    front = {id(job) for job in pareto_front(jobs, metric)}
    titles = [title_of(name) for name in (*metrics, *MEASURED)]
    headings = [*names.values(), "status", "updates", *titles, "folder"]
    best = {name: _best(jobs, name, metric) for name in metrics}
    rows = [
        row(
            [
                *job.settings.values(),
                job.status,
                figure_cell(job.steps),
                *(metric_cell(name, job.metrics.get(name), best[name]) for name in metrics),
                *(metric_cell(name, getattr(job, name), None) for name in MEASURED),
                job.folder.name,
            ],
            data_job=job.folder.name,
            class_="front" if id(job) in front else "",
        )
        for job in jobs
    ]
    return table(headings, rows, id_="jobs")


def _best(jobs: Sequence[SweepJob], name: str, chosen: MetricDeclaration) -> float | None:
    metric = metric_called(name, chosen)
    values = [value for job in jobs if math.isfinite(value := job.metrics.get(name, math.nan))]
    return metric.best(values) if values and metric is not None else None


def unfinished(jobs: Sequence[SweepJob]) -> Html:
    """Every job that is not finished, with what its folder says about it."""
    names = short_names(jobs)
    rows = [
        [job_name(job, names), job.status, job.steps, job.reason, job.folder.name]
        for job in jobs
        if job.status != "finished"
    ]
    return table(["job", "status", "updates", "why", "folder"], rows, id_="unfinished") if rows else Html("")
