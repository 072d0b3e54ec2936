"""The metric that chooses ``best.ckpt``: is there such a one, and which way is better."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Literal

from pytorch_lightning import Trainer
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.errors import UserError
from asap_lightning.metrics import direction_of

log = logging.getLogger(__name__)

OWN = ("asap_lightning.", "pytorch_lightning.", "lightning.")
"""Packages whose callbacks log no metric of a validation, unless they name it in ``validated``."""


def direction_to_keep(monitor: str | None) -> Literal["min", "max"]:
    """Which way is better by the metric's declaration; a loss is better when it is smaller.

    Raises:
        UserError: nothing is declared.
    """
    known = "max" if monitor is None else direction_of(monitor)
    if known is None and monitor is not None and monitor.startswith(("loss", "val/loss")):
        known = "min"
    if known is None:
        raise UserError(
            f"checkpoint.monitor={monitor}: nothing says which way is better: give checkpoint.mode=max or min"
        )
    return known


def say_contradiction(monitor: str, mode: str) -> None:
    """A line where ``mode`` keeps the worst instead of the best."""
    declared = direction_of(monitor)
    if declared is not None and declared != mode:
        rank_zero_only(log.warning)(
            "checkpoint.mode=%s contradicts checkpoint.monitor=%s, whose better value is the %s one: "
            "best.ckpt will be the worst; leave checkpoint.mode away, or set it to %s",
            mode,
            monitor,
            "larger" if declared == "max" else "smaller",
            declared,
        )


def require_computed(monitor: str, trainer: Trainer, module: Any) -> None:
    """A `UserError`, before the training, where it is known that no validation will log ``monitor``.

    It is known of the metrics of a validation as long as no callback of a stranger may log others. Losses and
    what else a step logs are looked for at the first validation.
    """
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # Lightning annotates it nowhere
    names = measured_by(module)
    if not names or not monitor.startswith("val/"):
        return
    if not all(type(callback).__module__.startswith(OWN) for callback in callbacks):
        return
    known = [*names, *(name for callback in callbacks for name in getattr(callback, "validated", ()))]
    if monitor not in known:
        raise nothing_computes(monitor, known)


def measured_by(module: Any) -> list[str]:
    """Names under which validations of this module log scores, those without a value this time too."""
    suites = (getattr(module, part, None) for part in ("metrics", "periodic"))
    return [f"val/{name}" for suite in suites for name in getattr(suite, "names", ())]


def nothing_computes(monitor: str, names: Iterable[str]) -> UserError:
    """The message for a metric that is not there."""
    there = ", ".join(sorted(name for name in names if name not in ("step", "epoch"))) or "nothing"
    return UserError(
        f"checkpoint.monitor={monitor}: nothing computes it, so no best.ckpt would be written; there are "
        f"{there}; checkpoint.monitor=null writes last.ckpt alone"
    )
