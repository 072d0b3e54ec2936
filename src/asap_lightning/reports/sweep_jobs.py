"""What the jobs of a sweep have reached, read from the files of their runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.evaluation.cost.checkpoint import measure_checkpoint
from asap_lightning.metrics import MetricDeclaration, declaration_of
from asap_lightning.reports.pareto import front_of
from asap_lightning.run_folder import names
from asap_lightning.run_folder.history import MetricHistory
from asap_lightning.run_folder.status import Kind, status_of
from asap_lightning.untrusted import parse_yaml, read_yaml


@dataclass
class SweepJob:
    """One job.

    Attributes:
        folder: of its run.
        settings: the values that differ between the sweep's jobs, by key.
        status, reason: see `run_folder.status.Status`.
        steps: generator updates done.
        metrics: best value of every validation metric, by its name without ``val/``; the last value where no
            direction is known.
        parameters: of the generator; None without a checkpoint.
        latency_ms: of one image, if it was measured.
    """

    folder: Path
    settings: dict[str, Any]
    status: Kind
    reason: str = ""
    steps: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    parameters: int | None = None
    latency_ms: float | None = None

    @property
    def checkpoint(self) -> Path | None:
        """The best checkpoint, or else the last."""
        return names.best_checkpoint(self.folder)


def metric_called(name: str, chosen: MetricDeclaration | None) -> MetricDeclaration | None:
    """A metric of the validation, if its direction is known: declared, or given with the ``chosen`` one."""
    if chosen is not None and name == chosen.key:
        return chosen
    declared = declaration_of(f"val/{name}")
    return None if declared is None or declared.direction is None else declared


def read_sweep(root: str | Path, chosen: MetricDeclaration | None = None) -> list[SweepJob]:
    """The jobs of a multirun's folder, by their settings.

    Args:
        root: the folder.
        chosen: a metric whose direction need not be declared.

    Raises:
        UserError: there is no job.
    """
    folders = sorted(path.parent for path in Path(root).glob(f"*/{names.HYDRA}"))
    if not folders:
        raise UserError(
            f"{root} is not the folder of a sweep: no folder in it holds a .hydra folder; "
            "expected runs/NAME/multirun/TIME, as asap train -m or asap train sweep=NAME makes it"
        )
    overrides = [_overrides(folder) for folder in folders]
    keys = dict.fromkeys(name for values in overrides for name in values)
    differing = [name for name in keys if len({str(values.get(name)) for values in overrides}) > 1]
    jobs = [
        _job(folder, {name: values.get(name) for name in differing}, chosen)
        for folder, values in zip(folders, overrides, strict=True)
    ]
    return sorted(jobs, key=lambda job: [_order(value) for value in job.settings.values()])


def _overrides(folder: Path) -> dict[str, Any]:
    path = folder / names.OVERRIDES
    words = read_yaml(path) if path.is_file() else []
    if not isinstance(words or [], list):
        raise UserError(f"{path} holds no list of overrides: it is damaged or another file")
    pairs = (str(word).lstrip("+~").partition("=") for word in words or [])
    return {name: parse_yaml(value, path) for name, _, value in pairs}


def _order(value: Any) -> tuple[bool, float, str]:
    """Numbers in their order before words in theirs."""
    is_number = isinstance(value, int | float)
    return (not is_number, float(value) if is_number else 0.0, "" if is_number else str(value))


def _job(folder: Path, settings: dict[str, Any], chosen: MetricDeclaration | None) -> SweepJob:
    job = SweepJob(folder, settings, *status_of(folder))
    table = folder / names.METRICS_CSV
    if table.is_file():
        history = MetricHistory(table, read_only=True)
        job.steps = max(history.last_step, 0)
        for column in history.columns:
            values = history.series(column)[1]
            if column.startswith("val/") and values:
                name = column.removeprefix("val/")
                metric = metric_called(name, chosen)
                job.metrics[name] = values[-1] if metric is None else metric.best(values)
    return job


def measure_job(job: SweepJob, *, device: str = "auto", repeats: int = 10) -> None:
    """Sets ``parameters`` and, with ``repeats``, ``latency_ms`` from the job's checkpoint, if it has one."""
    if job.checkpoint is not None:
        cost = measure_checkpoint(job.checkpoint, device=device, repeats=repeats)
        job.parameters, job.latency_ms = cost.parameters, cost.latency_ms


def pareto_front(jobs: Sequence[SweepJob], metric: MetricDeclaration) -> list[SweepJob]:
    """The jobs that no other job beats: none is as fast and as good, and better in one of the two.

    Jobs without a latency or without this metric are left out; from the fastest to the best.
    """
    return front_of(
        [(job, job.latency_ms, job.metrics.get(metric.key)) for job in jobs], higher=metric.higher_is_better
    )
