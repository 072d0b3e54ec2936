"""``asap predict`` of a list, of shards, or by Ray's workers: with a manifest."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import TimeRemainingColumn
from rich.table import Table

from asap_lightning.batch.entries import Entry, folder_entries, is_list, read_list, shard_entries
from asap_lightning.batch.ray_engine import RayOptions
from asap_lightning.batch.run import BatchTally, translate_batch
from asap_lightning.batch.setup import Setup
from asap_lightning.batch.urls import Bounds
from asap_lightning.commands.counting_bar import counting_bar
from asap_lightning.configuration.checkpoints import checkpoint_of
from asap_lightning.configuration.logged import logged_run
from asap_lightning.configuration.plain import plain
from asap_lightning.data.layout import SPLITS
from asap_lightning.data.layouts import Shards
from asap_lightning.data.source import is_url
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.composer import canvas_settings, composer_of
from asap_lightning.inference.folder import LabelOptions
from asap_lightning.inference.origin import digest
from asap_lightning.inference.parts import parse_part
from asap_lightning.inference.styles import parse_styles
from asap_lightning.inference.work import parse_overwrite
from asap_lightning.wording import Complaint, by_cause, counted, told

log = logging.getLogger(__name__)


def run(config: DictConfig) -> None:
    """Translates everything that ``config.input`` lists, holds or names.

    Raises:
        UserError: nothing to translate, or, after the others are done, pictures that could not be translated.
    """
    settings = plain(config)
    batch = settings["batch"]
    if parse_part(config.part).count > 1:
        raise UserError(
            f"part={config.part}: a list and shards are shared by the workers of engine=ray, which write one "
            "manifest; leave part out"
        )
    overwrite = parse_overwrite(config.overwrite)
    checkpoint = checkpoint_of(config).absolute()
    setup, entries, refused = prepared(settings, checkpoint)
    ray = RayOptions(**{key: batch[key] for key in ("workers", "cpus", "gpus", "restarts", "address")})
    with (
        logged_run(config, "predict", checkpoint) as log_figures,
        counting_bar("translating", TimeRemainingColumn()) as report,
    ):
        tally = translate_batch(
            entries,
            setup,
            engine=settings["engine"],
            ray=ray,
            unit=batch["unit"],
            overwrite=overwrite,
            progress=report,
        )
        tally.failures += refused
        log_figures({"images": tally.translated, "failed": len(tally.failures)})
    Console().print(table(tally))
    if tally.failures:
        raise UserError(
            f"{len(tally.failures)} of {counted(len(entries) + len(refused), 'picture')} could not be "
            "translated:\n" + "\n".join(told(group, "picture") for group in by_cause(tally.failures))
        )


def prepared(settings: dict[str, Any], checkpoint: Path) -> tuple[Setup, list[Entry], list[Complaint]]:
    """What workers are started with, the pictures, and what of a folder is refused.

    Mistakes show before any worker is started.

    Args:
        settings: the configuration.
        checkpoint: the file.
    """
    batch, output = settings["batch"], Path(settings["output"]).expanduser().absolute()
    # On the CPU and without preparation: the model is only asked what it translates.
    translator = Translator(checkpoint, device="cpu", weights=settings["weights"], prepare=False)
    canvas, identity = canvases(settings, translator)
    styles = parse_styles(settings["style"], translator)
    entries, shards, refused = find(settings, translator, output)
    if shards is not None and any(value is not None for value in settings["labels"].values()):
        raise UserError("labels.*: shards say how their label maps are read; leave these options out")
    setup = Setup(
        checkpoint,
        digest(checkpoint),
        output,
        weights=settings["weights"],
        device=settings["device"],
        labels=LabelOptions(**settings["labels"]),
        half=settings["half"],
        style=styles,
        canvas=canvas,
        canvas_identity=identity,
        form=batch["write"],
        shards=shards,
        bounds=Bounds(float(batch["url_seconds"]), int(batch["url_mb"] * 10**6)),
        readers=batch["readers"],
        deaths=batch["deaths"],
    )
    return setup, entries, refused


def canvases(
    settings: dict[str, Any], translator: Translator
) -> tuple[dict[str, Any] | None, dict[str, object]]:
    """What workers lay canvases of, and what decides them; None for a model that completes none.

    Raises:
        UserError: a model that completes a canvas and no bank, or a bank that does not fit.
    """
    if settings["bank"] is None:
        translator.require_canvases()
        return None, {}
    bank = Path(settings["bank"]).expanduser().absolute()  # workers may begin in another folder
    chosen = canvas_settings(translator, {**settings, "bank": bank})
    return chosen, composer_of(translator, chosen).identity


def find(
    settings: dict[str, Any], translator: Translator, output: Path
) -> tuple[list[Entry], Shards | None, list[Complaint]]:
    """The pictures of a list, of shards, or of a folder."""
    source, split = str(settings["input"]), settings["batch"]["split"]
    path = Path(source).expanduser().absolute()
    if split is not None and split not in SPLITS:
        raise UserError(f"batch.split={split}: one of {', '.join(SPLITS)} was expected")
    if is_list(source):
        return read_list(path, output), None, []
    if is_url(source) or Shards.matches(path):
        shards = Shards(source if is_url(source) else path, instances=translator.spec.instance_edges)
        return shard_entries(shards, split, translator.spec), shards, []
    instances = Path(settings["instances"]).expanduser().absolute() if settings["instances"] else None
    entries, found = folder_entries(
        path, output, translator.spec, pattern=str(settings["pattern"]), instances=instances
    )
    for note in found.notes():
        log.info("%s", note)
    return entries, None, found.refused


def table(tally: BatchTally) -> Table:
    """What became of the pictures."""
    made = Table()
    for name in ("translated", "there already", "failed", "in quarantine", "workers", "images/s"):
        made.add_column(name, justify="right")
    speed = f"{tally.translated / tally.seconds:.2f}" if tally.translated and tally.seconds else "-"
    failed = len(tally.failures) - tally.quarantined
    made.add_row(*map(str, (tally.translated, tally.there, failed, tally.quarantined, tally.workers)), speed)
    return made
