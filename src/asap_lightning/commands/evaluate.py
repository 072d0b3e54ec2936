"""``asap evaluate``: measures a checkpoint on a data set; a table, JSON, and a row an image as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress

from asap_lightning.configuration.checkpoints import checkpoint_of
from asap_lightning.configuration.evaluation import require_known
from asap_lightning.configuration.logged import LoggedRun, logged_run
from asap_lightning.configuration.measured import about_of, model_and_data, suite_for
from asap_lightning.data import PairedData
from asap_lightning.data.layout import Split
from asap_lightning.evaluation import EvaluationReport, evaluate
from asap_lightning.evaluation.given_pictures import Source
from asap_lightning.evaluation.together import together
from asap_lightning.inference.parts import Part
from asap_lightning.metrics import MetricSuite
from asap_lightning.ranks import rank, world_size


def run(config: DictConfig) -> None:
    """Evaluates ``config.ckpt``; writes figures and pictures into ``config.output``.

    Raises:
        UserError: no checkpoint, no photos to compare with, a data set of another kind than the model's; and,
            when the report is written, a metric that could not be computed.
    """
    require_known(config)
    with together() as part:
        run_part(config, part)


def run_part(config: DictConfig, part: Part) -> None:
    """Evaluates this process's pairs; the first of several processes writes for all."""
    checkpoint = checkpoint_of(config)
    translator, data = model_and_data(config, checkpoint, device_of(config, part))
    suite = suite_for(config, data, translator.device)
    about = {"checkpoint": str(checkpoint), "weights": config.weights, **about_of(config, data)}
    with logged_run(config, "evaluate", checkpoint) as logged:
        report = measure(translator.translate, data, config.split, suite, about)
        log_report(logged, report)
    finish(report, config, part)


def device_of(config: DictConfig, part: Part) -> str:
    """``device``; of several processes each takes its own GPU."""
    if config.device == "auto" and part.local_rank is not None and torch.cuda.is_available():
        return f"cuda:{part.local_rank % torch.cuda.device_count()}"
    return str(config.device)


def finish(report: EvaluationReport, config: DictConfig, part: Part) -> None:
    """Writes and shows the report; of several processes the first one does.

    Raises:
        UserError: a metric that was asked for could not be computed.
    """
    if part.index > 0:
        return
    show(report, config.output)
    if not config.evaluation.allow_missing:
        report.require_all()


def log_report(logged: LoggedRun, report: EvaluationReport) -> None:
    """Scores, the IoU of every class as figures and as bars, and the metrics' pictures: both confusions."""
    classes = {key: iou_of_classes(report, key) for key in ("miou", "miou_photos")}
    figures = {f"iou/{name}": value for name, value in classes["miou"].items()}
    logged({"images": len(report.rows), **report.scores, **figures})
    for key, found in classes.items():
        logged.bars(f"{key.removeprefix('m')}_bars", "class", "iou", list(found.items()))
    for name, picture in report.results.pictures.items():
        logged.picture(name, picture)


def iou_of_classes(report: EvaluationReport, key: str) -> dict[str, float]:
    """Class -> its IoU, of the classes that have one."""
    found = report.results.details.get(key, {}).get("iou", {})
    return {name: value for name, value in found.items() if value is not None}


def show(report: EvaluationReport, folder: str) -> None:
    """Writes the report's files, and prints its table, what it lacks, and where the files lie."""
    written = report.save(folder)
    console = Console()
    console.print(report.table())
    lines = [*report.notes(), *(f"{name:<8} {path}" for name, path in written.items())]
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def measure(
    translate: Source,
    data: PairedData,
    split: Split,
    suite: MetricSuite,
    about: Mapping[str, Any],
) -> EvaluationReport:
    """Translates every pair of a split and compares it with its photo, with a progress bar."""
    names = [item.name for item in data.items(split)]
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal or rank() > 0) as progress:
        task = progress.add_task("evaluating", total=-(-len(names) // world_size()))
        return evaluate(
            translate,
            data.evaluation_dataloader(split),
            data.spec,
            suite=suite,
            names=names,
            about=about,
            on_image=lambda row: progress.advance(task),
        )
