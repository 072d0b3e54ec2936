"""A logged run around a command that is no training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from omegaconf import DictConfig

from asap_lightning.configuration.run_begin import begin_run

LogFigures = Callable[[Mapping[str, float]], None]


@contextmanager
def logged_run(config: DictConfig, role: str, checkpoint: Path | None = None) -> Iterator[LogFigures]:
    """A run of ``config.logger``'s loggers that lasts as long as the block and knows its checkpoint.

    Args:
        config: of the command.
        role: ``evaluate``, ``predict``: prefix of the logged names.
        checkpoint: the file that is worked with, if there is one; of an artifact W&B is told so.

    Yields:
        A function that logs figures by name.
    """
    begin_run(config)
    if not config.get("logger"):
        yield lambda figures: None
        return
    from asap_lightning.configuration.assemble import make_loggers
    from asap_lightning.tracking import finished_runs, note_input

    loggers = make_loggers(config)

    def log_figures(figures: Mapping[str, float]) -> None:
        for logger in loggers:
            logger.log_metrics({f"{role}/{name}": float(value) for name, value in figures.items()})
            logger.save()

    with finished_runs(loggers):
        if checkpoint is not None:
            note_input(loggers, role, checkpoint)
        yield log_figures
        for logger in loggers:
            logger.finalize("success")
