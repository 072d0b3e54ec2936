"""``asap predict``: translates a folder of condition files with a checkpoint alone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig
from PIL import Image
from rich.console import Console
from rich.progress import track

from asap_lightning.commands.assemble import plain
from asap_lightning.commands.checkpoints import find_checkpoint
from asap_lightning.commands.logged import logged_run
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.inference import Translator
from asap_lightning.inference.folder import Job, Reader, condition_reader, find_jobs, read_instances
from asap_lightning.inference.styles import Styles, parse_styles

log = logging.getLogger(__name__)
LISTED = 10


def run(config: DictConfig) -> None:
    """Translates every file of ``config.input`` into ``config.output``.

    Raises:
        UserError: nothing to translate, or, after the others have been translated, files that could not be.
    """
    checkpoint = find_checkpoint(config.ckpt, runs=config.runs, name=config.name)
    translator = Translator(checkpoint, device=config.device, weights=config.weights)
    source, output = Path(config.input).expanduser(), Path(config.output).expanduser()
    instances = Path(config.instances).expanduser() if config.instances else None
    jobs, others = find_jobs(
        source, output, spec=translator.spec, pattern=config.pattern, instances=instances
    )
    if others:
        log.info("%d files are no images and are left alone: %s", len(others), listed(others))
    done = [] if config.overwrite else [job for job in jobs if job.target.is_file()]
    if done:
        log.info("%d of %d images are there already (overwrite=true makes them anew)", len(done), len(jobs))
    left = [job for job in jobs if config.overwrite or not job.target.is_file()]
    styles = parse_styles(plain(config)["style"], translator)
    with logged_run(config, "predict", checkpoint) as log_figures:
        failures = translate_all(left, translator, reader_of(config, translator), styles)
        log_figures({"images": len(left) - len(failures), "failed": len(failures)})
    log.info("%s: translated %d images with %s", output, len(left) - len(failures), checkpoint)
    if failures:
        raise UserError(
            f"{len(failures)} of {len(left)} files could not be translated:\n" + "\n".join(failures)
        )


def reader_of(config: DictConfig, translator: Translator) -> Reader:
    """Reads files as the training did, but for what ``config.labels`` says, such as colours for classes."""
    trained_on = translator.description.config if translator.description is not None else {}
    layout = trained_on.get("data", {}).get("layout")
    return condition_reader(translator.spec, layout, **plain(config.labels))


def translate_all(jobs: Sequence[Job], translator: Translator, reader: Reader, styles: Styles) -> list[str]:
    """Translates each job and writes its PNG, or one a style; returns one line for each that failed."""
    failures = []
    console = Console(stderr=True)
    for job in track(jobs, description="translating", console=console, disable=not console.is_terminal):
        try:
            images = styles.translate(translator, reader(job.source), read_instances(job))
        except UserError as error:
            text = str(error)
            failures.append(text if str(job.source) in text else f"{job.source}: {text}")
            continue
        for suffix, image in images.items():  # the plain name comes last: where it is, the job is done
            with atomic_write(job.target.with_stem(job.target.stem + suffix)) as file:
                Image.fromarray(image).save(file, format="PNG")
    return failures


def listed(paths: Sequence[Path]) -> str:
    """The first names and how many more there are."""
    more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
    return ", ".join(path.name for path in paths[:LISTED]) + more
