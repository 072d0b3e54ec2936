"""``asap predict``: translates a folder of condition files with a checkpoint alone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from rich.table import Table

from asap_lightning.configuration.checkpoints import find_checkpoint
from asap_lightning.configuration.logged import logged_run
from asap_lightning.configuration.plain import plain
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.folder import (
    Job,
    Reader,
    condition_reader,
    read_instances,
    training_layout,
)
from asap_lightning.inference.halves import warn_of_pairs
from asap_lightning.inference.jobs import find_jobs
from asap_lightning.inference.origin import Recipe, digest
from asap_lightning.inference.parts import Part, parse_part
from asap_lightning.inference.styles import parse_styles
from asap_lightning.inference.work import Overwrite, Tally, work
from asap_lightning.wording import by_cause, counted, told

log = logging.getLogger(__name__)
OVERWRITE: dict[object, Overwrite] = {False: "no", True: "all", "changed": "changed"}


def run(config: DictConfig) -> None:
    """Translates every file of ``config.input`` into ``config.output``.

    Raises:
        UserError: nothing to translate, or, after the others have been translated, files that could not be.
    """
    part = parse_part(config.part)
    overwrite = overwrite_of(config.overwrite)
    checkpoint = find_checkpoint(config.ckpt, runs=config.runs, name=config.name)
    translator = Translator(checkpoint, device=device_of(config.device, part), weights=config.weights)
    source, output = Path(config.input).expanduser(), Path(config.output).expanduser()
    instances = Path(config.instances).expanduser() if config.instances else None
    settings = plain(config)
    styles = parse_styles(settings["style"], translator)
    reader = reader_of(config, translator)
    found = find_jobs(
        source,
        output,
        spec=translator.spec,
        pattern=str(config.pattern),
        instances=instances,
        endings=styles.endings,
    )
    for note in found.notes():
        log.info("%s", note)
    if config.half is None and (doubt := doubt_of_pairs(found.jobs, translator)):
        log.warning("%s", doubt)
    mine, refused = part.of(found.jobs), part.of(found.refused)
    if part.count > 1:
        everything = counted(len(found.jobs), "file")
        log.info("part %d/%d: %d of %s", part.index, part.count, len(mine), everything)

    def translate(job: Job) -> Mapping[str, NDArray[np.uint8]]:
        return styles.translate(translator, reader(job.source), read_instances(job))

    recipe = Recipe(checkpoint, options_of(settings))
    with logged_run(config, "predict", checkpoint) as log_figures:
        tally = work(mine, translate, recipe, output, overwrite=overwrite, track=with_progress)
        tally.failures += refused
        log_figures({"images": tally.translated, "failed": len(tally.failures)})
    log.info("%s: translated %s with %s", output, counted(tally.translated, "image"), checkpoint)
    Console().print(table(tally, part))
    if tally.failures:
        tried = len(mine) + len(refused) - tally.there
        raise UserError(
            f"{len(tally.failures)} of {counted(tried, 'file')} could not be translated:\n"
            + "\n".join(told(group) for group in by_cause(tally.failures))
        )


def overwrite_of(given: object) -> Overwrite:
    """What ``overwrite`` means.

    Raises:
        UserError: none of its values.
    """
    if given not in OVERWRITE:
        raise UserError(f"overwrite={given}: false, changed or true was expected")
    return OVERWRITE[given]


def options_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What changes images beside the checkpoint; of a guide photo its content."""
    style = settings["style"]
    image = style.get("image") if isinstance(style, Mapping) else style
    guide = digest(Path(str(image)).expanduser()) if image is not None else None
    seed = style.get("seed", 0) if isinstance(style, Mapping) else 0
    half = {} if settings["half"] in (None, "whole") else {"half": settings["half"]}
    return {
        "weights": settings["weights"],
        "labels": settings["labels"],
        "guide": guide,
        "seed": str(seed),
        **half,
    }


def device_of(name: str, part: Part) -> str:
    """One GPU a process, where several processes were started on a machine."""
    if name == "auto" and part.local_rank is not None and torch.cuda.is_available():
        return f"cuda:{part.local_rank % torch.cuda.device_count()}"
    return name


def reader_of(config: DictConfig, translator: Translator) -> Reader:
    """Reads files as the training did, but for what ``config.labels`` says, such as colours for classes."""
    return condition_reader(
        translator.spec,
        trained_on(translator).get("layout"),
        **plain(config.labels),
        half=config.half,
        place=str(config.ckpt),
    )


def trained_on(translator: Translator) -> dict[str, Any]:
    """The node ``data`` of the training; empty if the checkpoint does not say it."""
    return translator.description.data if translator.description is not None else {}


def doubt_of_pairs(jobs: Sequence[Job], translator: Translator) -> str:
    """What to say where pairs A | B seem to be given to a model that was trained on their halves."""
    data = trained_on(translator)
    width, height = data.get("width"), data.get("height")
    ratio = width / height if isinstance(width, int) and isinstance(height, int) and height > 0 else None
    return warn_of_pairs([job.source for job in jobs], training_layout(data.get("layout")), ratio)


def with_progress(jobs: Iterable[Job]) -> Iterable[Job]:
    """The jobs, with a bar on a terminal."""
    console = Console(stderr=True)
    return track(list(jobs), description="translating", console=console, disable=not console.is_terminal)


def table(tally: Tally, part: Part) -> Table:
    """What became of the files."""
    made = Table(title=f"part {part.index}/{part.count}" if part.count > 1 else None, title_justify="left")
    for name in ("translated", "there already", "by other processes", "failed", "images/s"):
        made.add_column(name, justify="right")
    speed = f"{tally.translated / tally.seconds:.2f}" if tally.translated and tally.seconds else "-"
    counts = (tally.translated, tally.there, tally.others, len(tally.failures))
    made.add_row(*map(str, counts), speed)
    return made
