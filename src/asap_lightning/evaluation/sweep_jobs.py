"""What the jobs of a sweep have reached, read from the files of their runs."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml  # type: ignore[import-untyped]

from asap_lightning.condition import Condition
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.metrics import best_value, higher_is_better
from asap_lightning.training.callbacks.metric_history import MetricHistory

FINISHED, STOPPED, NOT_BEGUN = "finished", "stopped", "not begun"


@dataclass
class SweepJob:
    """One job.

    Attributes:
        folder: of its run.
        settings: the values that differ between the sweep's jobs, by key.
        status: ``finished``, ``stopped`` (interrupted or failed; it can be resumed), ``not begun``.
        steps: generator updates done.
        metrics: best value of every validation metric, by its name without ``val/``.
        parameters: of the generator; None without a checkpoint.
        latency_ms: of one image, if it was measured.
    """

    folder: Path
    settings: dict[str, Any]
    status: str
    steps: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    parameters: int | None = None
    latency_ms: float | None = None

    @property
    def checkpoint(self) -> Path | None:
        """The best checkpoint, or else the last."""
        found = [self.folder / "checkpoints" / f"{name}.ckpt" for name in ("best", "last")]
        return next((path for path in found if path.is_file()), None)


def read_sweep(root: str | Path) -> list[SweepJob]:
    """The jobs of a multirun's folder, by their settings.

    Raises:
        UserError: there is no job.
    """
    folders = sorted(path.parent for path in Path(root).glob("*/.hydra"))
    if not folders:
        raise UserError(
            f"{root} is not the folder of a sweep: no folder in it holds a .hydra folder; "
            "expected runs/NAME/multirun/TIME, as asap train -m or asap train sweep=NAME makes it"
        )
    overrides = [_overrides(folder) for folder in folders]
    names = dict.fromkeys(name for values in overrides for name in values)
    differing = [name for name in names if len({str(values.get(name)) for values in overrides}) > 1]
    jobs = [
        _job(folder, {name: values.get(name) for name in differing})
        for folder, values in zip(folders, overrides, strict=True)
    ]
    return sorted(jobs, key=lambda job: [_order(value) for value in job.settings.values()])


def _overrides(folder: Path) -> dict[str, Any]:
    path = folder / ".hydra" / "overrides.yaml"
    words = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else []
    pairs = (str(word).lstrip("+~").partition("=") for word in words or [])
    return {name: yaml.safe_load(value) for name, _, value in pairs}


def _order(value: Any) -> tuple[bool, float, str]:
    """Numbers in their order before words in theirs."""
    is_number = isinstance(value, int | float)
    return (not is_number, float(value) if is_number else 0.0, "" if is_number else str(value))


def _job(folder: Path, settings: dict[str, Any]) -> SweepJob:
    begun = (folder / "config.yaml").is_file()
    done = (folder / "finished.json").is_file()
    job = SweepJob(folder, settings, FINISHED if done else STOPPED if begun else NOT_BEGUN)
    table = folder / "metrics.csv"
    if table.is_file():
        history = MetricHistory(table, read_only=True)
        job.steps = max(history.last_step, 0)
        for column in history.columns:
            values = history.series(column)[1]
            if column.startswith("val/") and values:
                job.metrics[column.removeprefix("val/")] = best_value(column, values)
    return job


def measure_job(job: SweepJob, *, device: str = "auto", repeats: int = 10) -> None:
    """Sets ``parameters`` and ``latency_ms``: one random condition of the training's size, translated.

    The median over ``repeats`` calls after three warm-up calls, of what `Translator.translate` does from
    the condition on the device to the image on the device.
    """
    if job.checkpoint is None:
        return
    translator = Translator(job.checkpoint, device=device)
    job.parameters = sum(parameter.numel() for parameter in translator.generator.parameters())
    config = translator.description.config if translator.description is not None else {}
    data = config.get("data", {})
    condition = _random_condition(translator, int(data.get("height", 256)), int(data.get("width", 256)))
    seconds = [_timed(translator, condition) for _ in range(3 + repeats)][3:]
    job.latency_ms = 1000 * statistics.median(seconds)


def _random_condition(translator: Translator, height: int, width: int) -> Condition:
    spec, draw = translator.spec, torch.Generator().manual_seed(0)
    instance = torch.randint(0, 9, (1, height, width), generator=draw, dtype=torch.int32)
    made = Condition(
        instance=instance if spec.instance_edges else None, **_content(spec, height, width, draw)
    )
    return made.to(translator.device)


def _content(spec: Any, height: int, width: int, draw: torch.Generator) -> dict[str, torch.Tensor]:
    if spec.kind == "label":
        # Blocks of 16 pixels, as label maps have areas and not noise.
        small = torch.randint(0, spec.label_channels, (1, -(-height // 16), -(-width // 16)), generator=draw)
        label = small.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, :height, :width]
        return {"label": label.to(torch.int32).contiguous()}
    return {"image": torch.rand((1, spec.channels, height, width), generator=draw) * 2 - 1}


def _timed(translator: Translator, condition: Condition) -> float:
    def wait() -> None:
        if translator.device.type == "cuda":
            torch.cuda.synchronize(translator.device)

    wait()
    began = time.perf_counter()
    translator.translate(condition)
    wait()
    return time.perf_counter() - began


def pareto_front(jobs: Sequence[SweepJob], metric: str) -> list[SweepJob]:
    """The jobs that no other job beats: none is as fast and as good, and better in one of the two.

    Jobs without a latency or without this metric are left out; from the fastest to the best.
    """
    sign = 1 if higher_is_better(metric) else -1
    rated = [
        (job.latency_ms, sign * job.metrics[metric], job)
        for job in jobs
        if job.latency_ms is not None and math.isfinite(job.metrics.get(metric, math.nan))
    ]
    front: list[SweepJob] = []
    best = -math.inf
    for _, quality, job in sorted(rated, key=lambda entry: (entry[0], -entry[1])):
        if quality > best:
            front.append(job)
            best = quality
    return front
