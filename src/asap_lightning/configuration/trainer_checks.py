"""Settings of Lightning's Trainer that make no sense here, found before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytorch_lightning import Trainer

from asap_lightning.data import PairedDataModule
from asap_lightning.errors import UserError

OURS = {
    "gradient_clip_val": "training.clip (the largest gradient norm, for each network)",
    "gradient_clip_algorithm": "training.clip, which clips the norm",
    "accumulate_grad_batches": "training.accumulate",
    "callbacks": "callbacks.NAME",
    "logger": "logger=NAME",
    "default_root_dir": "hydra.run.dir=DIR",
    "enable_checkpointing": "checkpoint.every_n_steps",
    "use_distributed_sampler": "nothing: the data module knows the processes itself",
}
"""Arguments of Lightning's that this program sets, and what they are called here."""


def require_own_names(keys: Iterable[Any]) -> None:
    """A `UserError` for an argument of Lightning's that has another name here."""
    for key in map(str, keys):
        if key in OURS:
            raise UserError(f"trainer.{key} is not taken here; use {OURS[key]}")


def require_schedule(trainer: Trainer, data: PairedDataModule) -> None:
    """A `UserError` for numbers of steps, epochs or batches with which nothing would be trained or validated.

    Args:
        trainer: ready to train.
        data: whose files have been found.
    """
    for name in ("max_steps", "max_epochs"):
        if getattr(trainer, name) == 0:
            raise UserError(f"trainer.{name}=0 trains nothing: at least 1 was expected, or -1 for no limit")
    data.trainer = trainer  # its limits count
    batches = data.batches_an_epoch()
    if batches < 1:
        raise UserError(
            f"trainer.limit_train_batches={trainer.limit_train_batches} leaves no batch to train on"
        )
    every = trainer.check_val_every_n_epoch
    if every is not None and every < 1:
        raise UserError(f"trainer.check_val_every_n_epoch={every}: at least 1 was expected, or null")
    _require_interval(trainer.val_check_interval, batches, over_epochs=every is None)


def _require_interval(interval: Any, batches: int, *, over_epochs: bool) -> None:
    if not isinstance(interval, int | float):
        return  # a time, which Lightning has read already
    key = f"trainer.val_check_interval={interval}"
    if interval <= 0:
        raise UserError(
            f"{key}: a number of batches from 1 on, or a share of an epoch such as 0.5, was expected"
        )
    if isinstance(interval, int) and interval > batches and not over_epochs:
        raise UserError(
            f"{key} batches, but an epoch has {batches}: at most {batches} was expected; "
            "trainer.check_val_every_n_epoch=null counts the batches of all epochs"
        )
