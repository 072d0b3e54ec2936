"""``asap evaluate compare A B C``: one table, models as rows, with intervals, costs, pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from asap_lightning.commands import evaluate, evaluate_folders
from asap_lightning.configuration.checkpoints import find_checkpoint
from asap_lightning.configuration.compared import data_of_models, pictures_of
from asap_lightning.configuration.compared_log import log_comparison
from asap_lightning.configuration.measured import about_of, suite_for
from asap_lightning.configuration.run_begin import begin_run
from asap_lightning.data import PairedData
from asap_lightning.data.panels import Picture
from asap_lightning.errors import UserError
from asap_lightning.evaluation.comparison import ModelComparison, compare_models
from asap_lightning.evaluation.cost.checkpoint import GeneratorCost, measure_checkpoint
from asap_lightning.evaluation.given_pictures import GivenPictures, is_picture_folder
from asap_lightning.evaluation.model_names import given_names
from asap_lightning.evaluation.scored import ScoredModel, is_evaluation, read_scores
from asap_lightning.evaluation.together import require_alone
from asap_lightning.inference.devices import choose_device
from asap_lightning.metrics import MetricDeclaration
from asap_lightning.reports.scores import terminal_table, write_scores
from asap_lightning.reports.scores_page import (
    SCATTER,
    SHEET,
    Case,
    cases,
    draw_cases,
    draw_speed_and_quality,
    rated_metric,
    write_scores_page,
)


def run(config: DictConfig) -> None:
    """Measures what is not measured yet, compares, and writes the table and its pictures.

    Raises:
        UserError: fewer than two models, models that were not measured alike, or what `evaluate.run` refuses.
    """
    require_alone("asap evaluate compare")
    require_sensible(config)
    out = Path(config.output)
    words = [str(word) for word in config.models]
    names = given_names(config.names, words)
    begin_run(config)
    shared = cache(lambda: data_of_models(config, words))
    models = [
        scored(word, name, config, shared, out / "evaluations" / name.replace("/", "_"))
        for word, name in zip(words, names, strict=True)
    ]
    costs = [cost_of(model, config) for model in models] if config.repeats else None
    comparison = compare_models(models, costs, draws=config.draws, seed=config.seed)
    metric = chosen_metric(comparison, config)
    pictures: dict[str, Path] = {}
    rows: list[list[Any]] = []
    if metric is not None:
        chosen = cases(comparison, metric, config.cases)
        rows = draw_sheet(comparison, chosen, metric, config, shared, out / "cases.png")
        pictures |= {SHEET: out / "cases.png"} if rows else {}
        if draw_speed_and_quality(comparison, metric, out / "speed_and_quality.png"):
            pictures[SCATTER] = out / "speed_and_quality.png"
    written = write_scores(comparison, out)
    write_scores_page(comparison, pictures, out / "comparison.html")
    log_comparison(config, comparison, rows, pictures, metric)
    console = Console()
    if not console.is_terminal:  # a log has no right edge
        console = Console(width=240)
    console.print(terminal_table(comparison))
    files = [*written.values(), out / "comparison.html", *pictures.values()]
    for line in (*comparison.notes, *(f"written  {path}" for path in files)):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def require_sensible(config: DictConfig) -> None:
    """A `UserError` for numbers out of range and fewer than two models, before anything is measured."""
    if OmegaConf.is_missing(config, "models") or len(config.models) < 2:
        raise UserError("at least two models are compared: asap evaluate compare A B [C ..]")
    for key, least in (("draws", 100), ("repeats", 0), ("cases", 0)):
        if not isinstance(config[key], int) or config[key] < least:
            raise UserError(f"{key}={config[key]}: a whole number from {least} on was expected")
    if config.real is not None and (others := [word for word in config.models if not _of_pictures(word)]):
        raise UserError(
            f"real={config.real} is for folders of pictures alone, which are measured against those photos; "
            f"{others[0]} is none. Beside a checkpoint, folders are measured on the checkpoint's data set: "
            "leave real= out"
        )


def _of_pictures(word: Any) -> bool:
    path = Path(str(word)).expanduser()
    return is_evaluation(path) or is_picture_folder(path)


def chosen_metric(comparison: ModelComparison, config: DictConfig) -> MetricDeclaration | None:
    """The metric that chooses cases and front; None where no score has a direction.

    Raises:
        UserError: the named one is not there, or has no direction.
    """
    metric = rated_metric(comparison, config.metric)
    if config.metric is not None and (metric is None or metric.direction is None):
        raise UserError(
            f"metric={config.metric}: one with a direction was expected of those that the models have: "
            f"{', '.join(comparison.metrics)}"
        )
    return metric


def scored(
    word: str, name: str, config: DictConfig, shared: Callable[[], PairedData], output: Path
) -> ScoredModel:
    """The scores of a model: read where it was measured, else measured now.

    Args:
        word: that names it on the command line.
        name: of its row.
        config: of the comparison.
        shared: the data set that pictures of other programs are measured on.
        output: folder of what is measured now.

    Raises:
        UserError: neither an evaluation, nor pictures, nor a checkpoint.
    """
    path = Path(word).expanduser()
    if is_evaluation(path):
        return read_scores(path, name)
    child = config.copy()
    OmegaConf.set_struct(child, False)
    child.update({"output": str(output), "logger": None})
    pictures = is_picture_folder(path)
    if not pictures:
        child.ckpt = str(find_checkpoint(word, runs=config.runs))
    Console().print(f"\n{name}", markup=False, highlight=False)
    if not pictures:
        evaluate.run(child)
    elif config.real is not None:
        child.fake = str(path)
        evaluate_folders.run(child)
    else:
        evaluate_pictures(child, path, shared())
    return read_scores(output, name)


def evaluate_pictures(config: DictConfig, folder: Path, data: PairedData) -> None:
    """Measures the pictures of a folder as those of a model, on the data set that the models are measured on.

    Raises:
        UserError: a pair without its picture, or one of another size.
    """
    device = choose_device(config.device)
    pictures = GivenPictures(folder, [item.name for item in data.items(config.split)], device)
    suite = suite_for(config, data, device)
    about = {"pictures": str(folder.resolve()), **about_of(config, data)}
    report = evaluate.measure(pictures, data, config.split, suite, about)
    evaluate.show(report, config.output)
    if not config.evaluation.allow_missing:
        report.require_all()


def cost_of(model: ScoredModel, config: DictConfig) -> GeneratorCost | None:
    """What the generator costs at the size of the evaluation."""
    if model.checkpoint is None:
        return None
    height, width = model.data.get("height"), model.data.get("width")
    size = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    return measure_checkpoint(
        model.checkpoint, device=config.device, repeats=config.repeats, size=size, work=True
    )


def draw_sheet(
    comparison: ModelComparison,
    chosen: Sequence[Case],
    metric: MetricDeclaration,
    config: DictConfig,
    shared: Callable[[], PairedData],
    path: Path,
) -> list[list[Any]]:
    """Draws the sheet of the chosen images; returns its rows (kind, name, pictures) for loggers."""
    shown: dict[str, dict[str, Mapping[str, Picture]]] = {}
    for model in comparison.models if chosen else ():
        made = pictures_of(model, [case.name for case in chosen], config, shared)
        if made is None:
            why = "neither checkpoint nor pictures, or the data are not here"
            comparison.notes.append(f"{model.name} is not on the sheet: {why}.")
        else:
            shown[model.name] = made
    if not shown:
        return []
    rows: dict[str, dict[str, Picture]] = {}
    for case in chosen:
        of_all = {name: made[case.name] for name, made in shown.items()}
        common = {title: picture for one in of_all.values() for title, picture in one.items()}
        models = {name: one["generated"] for name, one in of_all.items()}
        start: dict[str, Picture] = {
            title: common[title] for title in ("condition", "exemplar") if title in common
        }
        rows[case.name] = {**start, **models, "photo": common["photo"]}
    titles = list(rows[chosen[0].name])
    pictures = {name: list(row.values()) for name, row in rows.items()}
    draw_cases(chosen, pictures, titles, metric, path)
    return [["case", "image", *titles], *([case.kind, case.name, *pictures[case.name]] for case in chosen)]
