"""``asap evaluate``: measures a checkpoint on a data set; a table, JSON, and a row an image as CSV."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.condition import Condition
from asap_lightning.configuration.checkpoints import find_checkpoint
from asap_lightning.configuration.data import make_evaluation_data
from asap_lightning.configuration.evaluation import lacking_of, make_suite, require_known
from asap_lightning.configuration.logged import LoggedRun, logged_run
from asap_lightning.configuration.plain import configured_by, plain
from asap_lightning.configuration.segmenter import make_protocol
from asap_lightning.data import PairedData
from asap_lightning.data.batch import Batch
from asap_lightning.data.layout import SPLITS, Split
from asap_lightning.errors import UserError
from asap_lightning.evaluation import EvaluationReport, evaluate
from asap_lightning.evaluation.given_pictures import GivenPictures
from asap_lightning.evaluation.together import together
from asap_lightning.evaluation.training_data import training_data
from asap_lightning.inference import Translator
from asap_lightning.inference.parts import Part
from asap_lightning.metrics import MetricSuite
from asap_lightning.metrics.processes import rank, world_size

MEASURE = (
    *("height", "width", "mode", "load_height", "load_width", "eval_mode", "odd_size", "instance_edges"),
)
"""Settings of a data set that decide what is measured, whatever data set it is."""


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
    checkpoint = find_checkpoint(config.ckpt, runs=config.runs, name=config.name)
    translator = Translator(checkpoint, device=device_of(config, part), weights=config.weights)
    assert translator.description is not None
    data = evaluation_data(config, translator.description, checkpoint)
    require_same_kind(translator, data)
    require_split(config.split, data)
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


def suite_for(config: DictConfig, data: PairedData, device: torch.device) -> MetricSuite:
    """The metrics for a data set, its segmenter among them."""
    lacking = lacking_of(data.spec)
    protocol = None if lacking else make_protocol(config, data, config.split, device)
    return make_suite(config, lacking=lacking, parts={"segmenter": protocol})


def about_of(config: DictConfig, data: PairedData) -> dict[str, Any]:
    """What figures depend on besides what made the images, for the report."""
    return {
        "data": measured_on(data, config.split),
        "evaluation": plain(config.evaluation),
        "segmenter": plain(config.segmenter),
    }


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


def evaluation_data(config: DictConfig, trained: ModelDescription, checkpoint: Path) -> PairedData:
    """The data set of the training with what was given instead, or the one that was given as a whole.

    What decides the measure (`MEASURE`) is the training's, also on another data set, unless it was typed: the
    file of a data set holds the sizes of its papers. What the user gives is configuration; what the
    checkpoint says is a stranger's, which Hydra never sees.

    Raises:
        UserError: the checkpoint does not know its data set, and none was given.
    """
    given = {key: value for key, value in plain(config.data).items() if value is not None}
    if "_target_" in given:
        typed = {word.lstrip("+").partition("=")[0] for word in HydraConfig.get().overrides.task}
        return make_evaluation_data(config, **decided_by(trained, typed))
    if not trained.data:
        raise UserError(
            "the checkpoint does not say what data it was trained on: choose with data=NAME data.root=DIR"
        )
    if "layout" in given:
        with configured_by("data.layout"):
            given["layout"] = instantiate(given["layout"], _convert_="all")
    return training_data(trained.data, given, str(checkpoint))


def decided_by(trained: ModelDescription, typed: Container[str]) -> dict[str, Any]:
    """What decides the measure and was not typed (``data.height``, ..), as the training had it.

    Raises:
        UserError: no size of an image.
    """
    stored = trained.data
    if "height" in stored or "width" in stored:
        _ = trained.training_size
    return {key: stored[key] for key in MEASURE if key in stored and f"data.{key}" not in typed}


def measured_on(data: PairedData, split: Split) -> dict[str, Any]:
    """What the figures depend on besides the model, for the report."""
    geometry = data.eval_geometry
    sized = {} if geometry.mode == "none" else {"height": geometry.height, "width": geometry.width}
    return {
        "root": data.layout.address,
        "layout": data.layout.title,
        "split": split,
        "mode": geometry.mode,
        **sized,
        "odd_size": data.odd_size,
        "limit": data.limits[split],
        "pairs": len(data.items(split)),
    }


def require_split(split: Any, data: PairedData) -> None:
    """A `UserError` unless the data set has pairs in this split."""
    if split not in SPLITS:
        raise UserError(f"split={split}: one of {', '.join(SPLITS)} was expected")
    data.prepare_data()
    data.items(split)


def require_same_kind(translator: Translator, data: PairedData) -> None:
    """A `UserError` unless the data set's conditions are what the model translates."""
    model, found = translator.spec.as_dict(), data.spec.as_dict()
    differences = [
        f"{key}: the model has {model[key]}, the data set {found[key]}"
        for key in model
        if key != "class_names" and model[key] != found[key]
    ]
    if differences:
        raise UserError("the data set does not fit the model:\n  " + "\n  ".join(differences))
    generator = translator.generator
    data.size_multiple, data.minimum_size = generator.size_multiple, generator.minimum_size


def measure(
    translate: Callable[[Condition], Tensor],
    data: PairedData,
    split: Split,
    suite: MetricSuite,
    about: Mapping[str, Any],
) -> EvaluationReport:
    """Translates every pair of a split and compares it with its photo, with a progress bar."""
    batches: Iterable[Batch] = data.evaluation_dataloader(split)
    if isinstance(translate, GivenPictures):
        batches = translate.following(batches)
    names = [item.name for item in data.items(split)]
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal or rank() > 0) as progress:
        task = progress.add_task("evaluating", total=-(-len(names) // world_size()))
        return evaluate(
            translate,
            batches,
            data.spec,
            suite=suite,
            names=names,
            about=about,
            on_image=lambda row: progress.advance(task),
        )
