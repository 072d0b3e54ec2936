"""A logged run around a command that is no training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from omegaconf import DictConfig

from asap_lightning.configuration.run_begin import begin_run, other_rank


class LoggedRun:
    """What a command tells the loggers of its run; called with figures by name.

    Args:
        role: ``evaluate``, ``predict``: first part of every name.
        loggers: of the configuration; those that cannot take a kind of thing do not get it.
    """

    def __init__(self, role: str, loggers: Sequence[Any] = ()) -> None:
        self.role, self.loggers = role, loggers

    def __call__(self, figures: Mapping[str, float]) -> None:
        for logger in self.loggers:
            logger.log_metrics({f"{self.role}/{name}": float(value) for name, value in figures.items()})
            logger.save()

    def picture(self, name: str, picture: NDArray) -> None:
        """Logs a picture (H, W, 3) uint8."""
        for logger in self.loggers:
            if callable(take := getattr(logger, "log_image", None)):
                take(key=f"{self.role}/{name}", images=[picture])

    def bars(self, name: str, label: str, value: str, rows: Sequence[tuple[str, float]]) -> None:
        """Logs a bar chart of names and lengths, with the headings of both."""
        for logger in self.loggers:
            if rows and callable(take := getattr(logger, "log_bars", None)):
                take(f"{self.role}/{name}", label, value, rows)


@contextmanager
def logged_run(config: DictConfig, role: str, checkpoint: Path | None = None) -> Iterator[LoggedRun]:
    """A run of ``config.logger``'s loggers that lasts as long as the block and knows its checkpoint.

    Args:
        config: of the command.
        role: ``evaluate``, ``predict``: prefix of the logged names.
        checkpoint: the file that is worked with, if there is one; of an artifact W&B is told so.

    Yields:
        What takes figures, pictures and charts; without loggers it does nothing.
    """
    begin_run(config)
    if not config.get("logger") or other_rank():
        yield LoggedRun(role)
        return
    from asap_lightning.configuration.assemble import make_loggers
    from asap_lightning.tracking import finished_runs, note_input

    loggers = make_loggers(config)
    with finished_runs(loggers):
        if checkpoint is not None:
            note_input(loggers, role, checkpoint)
        yield LoggedRun(role, loggers)
        for logger in loggers:
            logger.finalize("success")
