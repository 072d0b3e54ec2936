"""``asap evaluate compare A B C``: one table, models as rows, with intervals, costs, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from asap_lightning.commands import evaluate
from asap_lightning.configuration.checkpoints import find_checkpoint
from asap_lightning.configuration.run_begin import begin_run
from asap_lightning.data.batch import collate
from asap_lightning.data.panels import Picture
from asap_lightning.data.sample_pictures import sample_pictures
from asap_lightning.errors import UserError
from asap_lightning.evaluation.comparison import ModelComparison, compare_models
from asap_lightning.evaluation.cost.checkpoint import GeneratorCost, measure_checkpoint
from asap_lightning.evaluation.scored import METRICS_JSON, ScoredModel, read_scores
from asap_lightning.evaluation.together import require_alone
from asap_lightning.inference import Translator
from asap_lightning.metrics import MetricDeclaration
from asap_lightning.reports.scores import terminal_table, write_scores
from asap_lightning.reports.scores_page import (
    CELL,
    Case,
    cases,
    draw_cases,
    draw_speed_and_quality,
    rated_metric,
    speed_and_quality,
    write_scores_page,
)

SKIPPED = ("/", "checkpoints")
SHEET, SCATTER = "Best, worst and random images", "Speed and quality"


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
    models = [
        scored(word, name, config, out / "evaluations" / name.replace("/", "_"))
        for word, name in zip(words, names, strict=True)
    ]
    costs = [cost_of(model, config) for model in models] if config.repeats else None
    comparison = compare_models(models, costs, draws=config.draws, seed=config.seed)
    metric = chosen_metric(comparison, config)
    pictures: dict[str, Path] = {}
    rows: list[list[Any]] = []
    if metric is not None:
        chosen = cases(comparison, metric, config.cases)
        rows = draw_sheet(comparison, chosen, metric, config, out / "cases.png")
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


def given_names(given: Any, words: Sequence[str]) -> list[str]:
    """Names of the rows: those that were given, or the last parts of the paths that tell them apart.

    Raises:
        UserError: another number of names than of models, or one twice.
    """
    if given is not None:
        names = [str(name) for name in given]
        if len(names) != len(words) or len(set(names)) < len(names) or not all(names):
            raise UserError(f"names={names}: {len(words)} different names were expected, one for each model")
        return names
    paths = [[part for part in Path(word).resolve().parts if part not in SKIPPED] for word in words]
    if len({tuple(path) for path in paths}) < len(paths):
        raise UserError(f"a model is named twice: {', '.join(words)}")
    endings = zip(*(path[::-1] for path in paths), strict=False)
    common = len(list(takewhile(lambda parts: len(set(parts)) == 1, endings)))
    paths = [path[: len(path) - min(common, len(path) - 1)] for path in paths]
    for count in range(1, max(map(len, paths)) + 1):
        names = ["/".join(path[-count:]).removesuffix(".ckpt") for path in paths]
        if len(set(names)) == len(names):
            return names
    return list(words)


def scored(word: str, name: str, config: DictConfig, output: Path) -> ScoredModel:
    """The scores of a model: read where it was measured, else measured now.

    Raises:
        UserError: neither an evaluation nor a checkpoint.
    """
    path = Path(word).expanduser()
    if path.name == METRICS_JSON or (path / METRICS_JSON).is_file():
        return read_scores(path, name)
    checkpoint = find_checkpoint(word, runs=config.runs)
    child = config.copy()
    OmegaConf.set_struct(child, False)
    child.update({"ckpt": str(checkpoint), "output": str(output), "logger": None})
    Console().print(f"\n{name}", markup=False, highlight=False)
    evaluate.run(child)
    return read_scores(output, name)


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
    path: Path,
) -> list[list[Any]]:
    """Draws the sheet of the chosen images; returns its rows (kind, name, pictures) for loggers."""
    pictures: dict[str, list[Picture]] = {}
    titles: list[str] = []
    for model in comparison.models if chosen else ():
        made = translated(model, [case.name for case in chosen], config)
        if made is None:
            why = "no checkpoint, or its data are not here"
            comparison.notes.append(f"{model.name} is not on the sheet: {why}.")
            continue
        for name, (condition, generated, photo) in made.items():
            row = pictures.setdefault(name, [condition, photo])
            row.insert(len(row) - 1, generated)
        titles.append(model.name)
    if not titles:
        return []
    draw_cases(chosen, pictures, ["condition", *titles, "photo"], metric, path)
    columns = ["case", "image", "condition", *titles, "photo"]
    return [columns, *([case.kind, case.name, *pictures[case.name]] for case in chosen)]


def translated(
    model: ScoredModel, names: Sequence[str], config: DictConfig
) -> dict[str, list[Picture]] | None:
    """Condition, result and photo of some images; None where the model or its data are not at hand."""
    if model.checkpoint is None:
        return None
    translator = Translator(model.checkpoint, device=config.device, weights=config.weights)
    assert translator.description is not None
    try:
        data = evaluate.evaluation_data(config, translator.description, model.checkpoint)
        evaluate.require_same_kind(translator, data)
        evaluate.require_split(config.split, data)
    except UserError:
        return None
    places = {item.name: index for index, item in enumerate(data.items(config.split))}
    if model.data != evaluate.measured_on(data, config.split) or not set(names) <= set(places):
        return None
    dataset = data.evaluation_dataset(config.split)
    found = {}
    for name in names:
        batch = collate([dataset[places[name]]]).to(translator.device)
        found[name] = sample_pictures(batch, translator.translate(batch.condition), 0, translator.spec, CELL)
    return found


def log_comparison(
    config: DictConfig,
    comparison: ModelComparison,
    rows: Sequence[Sequence[Any]],
    pictures: dict[str, Path],
    metric: MetricDeclaration | None,
) -> None:
    """Logs the comparison.

    Tables ``compare/scores`` and ``compare/cases`` (with pictures); the picture ``compare/speed_and_quality``
    and its points as the chart ``compare/scatter``.
    """
    if not config.get("logger"):
        return
    from asap_lightning.configuration.assemble import make_loggers
    from asap_lightning.reports.pictures import read_picture
    from asap_lightning.tracking import finished_runs

    loggers = make_loggers(config)
    with finished_runs(loggers):
        for logger in loggers:
            if callable(take := getattr(logger, "log_table", None)):
                columns, *lines = scores_for_loggers(comparison)
                take(key="compare/scores", columns=columns, data=lines)
                if rows:
                    take(key="compare/cases", columns=list(rows[0]), data=[list(row) for row in rows[1:]])
            if SCATTER in pictures and callable(take := getattr(logger, "log_image", None)):
                take(key="compare/speed_and_quality", images=[read_picture(pictures[SCATTER])])
            points = [] if metric is None else speed_and_quality(comparison, metric)
            if metric and points and callable(take := getattr(logger, "log_scatter", None)):
                rated = [(name, speed, one.value) for name, speed, one in points]
                take("compare/scatter", ("model", "latency_ms", metric.key), rated)
            logger.finalize("success")


def scores_for_loggers(comparison: ModelComparison) -> list[list[Any]]:
    """Headings, then a row a model: scores with the ends of their intervals, costs."""
    columns = [f"{metric}{end}" for metric in comparison.metrics for end in ("", " low", " high")]
    names = ("parameters", "gmacs", "latency_ms", "peak_mib")
    lines: list[list[Any]] = [["model", *columns, *names]]
    for row, name in enumerate(comparison.names):
        scores = [comparison.scores[metric][row] for metric in comparison.metrics]
        values = [getattr(one, end, None) for one in scores for end in ("value", "low", "high")]
        lines.append([name, *values, *(getattr(comparison.costs[row], cost, None) for cost in names)])
    return lines
