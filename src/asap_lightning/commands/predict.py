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

from asap_lightning.commands.assemble import plain
from asap_lightning.commands.checkpoints import find_checkpoint
from asap_lightning.commands.logged import logged_run
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.folder import Job, Reader, condition_reader, find_jobs, read_instances
from asap_lightning.inference.origin import Recipe, digest
from asap_lightning.inference.parts import Part, parse_part
from asap_lightning.inference.styles import parse_styles
from asap_lightning.inference.work import Overwrite, Tally, work

log = logging.getLogger(__name__)
LISTED = 10
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
    jobs, others = find_jobs(
        source, output, spec=translator.spec, pattern=config.pattern, instances=instances
    )
    if others:
        log.info("%d files are no images and are left alone: %s", len(others), listed(others))
    mine = part.of(jobs)
    if part.count > 1:
        log.info("part %d/%d: %d of %d files", part.index, part.count, len(mine), len(jobs))
    settings = plain(config)
    styles = parse_styles(settings["style"], translator)
    reader = reader_of(config, translator)

    def translate(job: Job) -> Mapping[str, NDArray[np.uint8]]:
        return styles.translate(translator, reader(job.source), read_instances(job))

    recipe = Recipe(checkpoint, options_of(settings))
    with logged_run(config, "predict", checkpoint) as log_figures:
        tally = work(mine, translate, recipe, output, overwrite=overwrite, track=with_progress)
        log_figures({"images": tally.translated, "failed": len(tally.failures)})
    log.info("%s: translated %d images with %s", output, tally.translated, checkpoint)
    Console().print(table(tally, part))
    if tally.failures:
        raise UserError(
            f"{len(tally.failures)} of {len(mine) - tally.there} files could not be translated:\n"
            + "\n".join(tally.failures)
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
    return {"weights": settings["weights"], "labels": settings["labels"], "guide": guide, "seed": str(seed)}


def device_of(name: str, part: Part) -> str:
    """One GPU a process, where several processes were started on a machine."""
    if name == "auto" and part.local_rank is not None and torch.cuda.is_available():
        return f"cuda:{part.local_rank % torch.cuda.device_count()}"
    return name


def reader_of(config: DictConfig, translator: Translator) -> Reader:
    """Reads files as the training did, but for what ``config.labels`` says, such as colours for classes."""
    trained_on = translator.description.config if translator.description is not None else {}
    layout = trained_on.get("data", {}).get("layout")
    return condition_reader(translator.spec, layout, **plain(config.labels))


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


def listed(paths: Sequence[Path]) -> str:
    """The first names and how many more there are."""
    more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
    return ", ".join(path.name for path in paths[:LISTED]) + more
