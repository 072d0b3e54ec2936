"""``asap predict``: translates a folder of condition files with a checkpoint alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from rich.table import Table

from asap_lightning.configuration.checkpoints import checkpoint_of
from asap_lightning.configuration.logged import logged_run
from asap_lightning.configuration.plain import plain
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.conditions import Job
from asap_lightning.inference.folder import FolderTranslation, LabelOptions
from asap_lightning.inference.parts import Part, parse_part
from asap_lightning.inference.styles import parse_styles
from asap_lightning.inference.work import Overwrite, Tally
from asap_lightning.wording import by_cause, counted, told

OVERWRITE: dict[object, Overwrite] = {False: "no", True: "all", "changed": "changed"}


def run(config: DictConfig) -> None:
    """Translates every file of ``config.input`` into ``config.output``.

    Raises:
        UserError: nothing to translate, or, after the others have been translated, files that could not be.
    """
    part = parse_part(config.part)
    overwrite = overwrite_of(config.overwrite)
    checkpoint = checkpoint_of(config)
    translator = Translator(checkpoint, device=device_of(config.device, part), weights=config.weights)
    folder = FolderTranslation(
        translator,
        Path(config.input),
        Path(config.output),
        pattern=str(config.pattern),
        instances=config.instances,
        half=config.half,
        labels=LabelOptions(**plain(config.labels)),
        styles=parse_styles(plain(config)["style"], translator),
        part=part,
    )
    with logged_run(config, "predict", checkpoint) as log_figures:
        tally = folder.run(overwrite, with_progress)
        log_figures({"images": tally.translated, "failed": len(tally.failures)})
    Console().print(table(tally, part))
    if tally.failures:
        tried = tally.translated + tally.others + len(tally.failures)
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


def device_of(name: str, part: Part) -> str:
    """One GPU a process, where several processes were started on a machine."""
    if name == "auto" and part.local_rank is not None and torch.cuda.is_available():
        return f"cuda:{part.local_rank % torch.cuda.device_count()}"
    return name


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
