"""``asap predict``: translates a folder of condition files with a checkpoint alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from asap_lightning.batch.entries import is_list
from asap_lightning.configuration.checkpoints import checkpoint_of
from asap_lightning.configuration.logged import logged_run
from asap_lightning.configuration.plain import plain
from asap_lightning.data.layouts import Shards
from asap_lightning.data.source import is_url
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.composer import compose_from
from asap_lightning.inference.conditions import Job
from asap_lightning.inference.folder import FolderTranslation, LabelOptions
from asap_lightning.inference.large.choice import parse_large
from asap_lightning.inference.parts import Part, parse_part
from asap_lightning.inference.styles import parse_styles
from asap_lightning.inference.work import Tally, parse_overwrite
from asap_lightning.wording import by_cause, counted, told


def run(config: DictConfig) -> None:
    """Translates every file of ``config.input`` into ``config.output``.

    Raises:
        UserError: nothing to translate, or, after the others have been translated, files that could not be.
    """
    if is_batch(config):
        from asap_lightning.commands import predict_batch

        predict_batch.run(config)
        return
    part = parse_part(config.part)
    overwrite = parse_overwrite(config.overwrite)
    checkpoint = checkpoint_of(config)
    translator = Translator(checkpoint, device=device_of(config.device, part), weights=config.weights)
    compose_from(translator, plain(config))
    folder = FolderTranslation(
        translator,
        Path(config.input),
        Path(config.output),
        pattern=str(config.pattern),
        instances=config.instances,
        half=config.half,
        labels=LabelOptions(**plain(config.labels)),
        styles=parse_styles(plain(config)["style"], translator, Path(config.input).expanduser()),
        part=part,
        large=parse_large(config.large, config.large_format, config.large_memory, translator),
    )
    bars = Bars()
    with logged_run(config, "predict", checkpoint) as log_figures:
        tally = folder.run(overwrite, bars.over, bars.of_file)
        log_figures({"images": tally.translated, "failed": len(tally.failures)})
    Console().print(table(tally, part))
    if tally.failures:
        tried = tally.translated + tally.others + len(tally.failures)
        raise UserError(
            f"{len(tally.failures)} of {counted(tried, 'file')} could not be translated:\n"
            + "\n".join(told(group) for group in by_cause(tally.failures))
        )


def is_batch(config: DictConfig) -> bool:
    """Whether a manifest is written: of a list, of shards, or where Ray works.

    Raises:
        UserError: no such engine.
    """
    if config.engine not in ("local", "ray"):
        raise UserError(f"engine={config.engine}: local or ray was expected")
    source = str(config.input)
    return (
        config.engine == "ray"
        or is_list(source)
        or is_url(source)
        or Shards.matches(Path(source).expanduser())
    )


def device_of(name: str, part: Part) -> str:
    """One GPU a process, where several processes were started on a machine."""
    if name == "auto" and part.local_rank is not None and torch.cuda.is_available():
        return f"cuda:{part.local_rank % torch.cuda.device_count()}"
    return name


class Bars:
    """Progress on a terminal: a bar for all files, and one more for a file that takes long."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars = Progress(console=console, disable=not console.is_terminal)

    def over(self, jobs: Iterable[Job]) -> Iterable[Job]:
        """The jobs, with a bar."""
        with self._bars:
            yield from self._bars.track(list(jobs), description="translating")

    def of_file(self, source: Path) -> Callable[[float], None]:
        """What is told how much of a file is done, from 0 to 1."""
        task = self._bars.add_task(source.name, total=1.0)
        return lambda done: self._bars.update(task, completed=done, visible=done < 1)


def table(tally: Tally, part: Part) -> Table:
    """What became of the files."""
    made = Table(title=f"part {part.index}/{part.count}" if part.count > 1 else None, title_justify="left")
    for name in ("translated", "there already", "by other processes", "failed", "images/s"):
        made.add_column(name, justify="right")
    speed = f"{tally.translated / tally.seconds:.2f}" if tally.translated and tally.seconds else "-"
    counts = (tally.translated, tally.there, tally.others, len(tally.failures))
    made.add_row(*map(str, counts), speed)
    return made
