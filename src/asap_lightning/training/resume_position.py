"""Where a resumed run goes on: after the stored batch, or with the next epoch if the batches are others now.

A position inside an epoch means something only while the epoch's batches are the stored ones. With another
batch size, number of pairs, order or accumulation window the rest of that epoch is left out. Lightning
compares counters of the old epoch with the length of the new one, and may never find that epoch's end.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.utilities.rank_zero import rank_zero_only

log = logging.getLogger(__name__)

ACCUMULATE = "accumulate"
"""Entry of a checkpoint: the batches whose gradients make one update."""


def start_epoch_if_changed(checkpoint: dict[str, Any], trainer: Trainer, accumulate: int) -> bool:
    """Moves a checkpoint's position to the next epoch's start if its epoch has other batches than this run's.

    Args:
        checkpoint: as read from the file; the entries of loops and data module are changed in place.
        trainer: with a data module that has been set up.
        accumulate: batches whose gradients make one update, in this run.

    Returns:
        Whether the run goes on with a whole epoch; `begin_epoch` then belongs into ``on_train_start``.
    """
    data: Any = getattr(trainer, "datamodule", None)
    key = type(data).__qualname__
    stored = checkpoint.get(key)
    if not hasattr(data, "changes_since") or stored is None or "loops" not in checkpoint:
        return False
    changed = data.changes_since(stored)
    before = checkpoint.get(ACCUMULATE, accumulate)
    if before != accumulate:
        changed["training.accumulate"] = (before, accumulate)
    if not changed:
        return False
    epoch = int(stored["epoch"]) + bool(stored["batch"])
    checkpoint[key] = {**data.state_dict(), "epoch": epoch, "batch": 0}
    _at_start_of(epoch, checkpoint["loops"]["fit_loop"], updates=int(checkpoint["global_step"]))
    _say(stored, epoch, changed)
    return True


def begin_epoch(trainer: Trainer) -> None:
    """Tells Lightning's loop, whose counters stand at an epoch's start, that it restarts nothing."""
    loop = trainer.fit_loop.epoch_loop
    loop.restarting = False
    loop.reset_restart_stage()


def _at_start_of(epoch: int, loops: dict[str, Any], updates: int) -> None:
    """Sets the loops' counters to those of a run that has just ended the epoch before ``epoch``."""
    trackers = ("ready", "started", "processed", "completed")
    loops["epoch_progress"] = {part: dict.fromkeys(trackers, epoch) for part in ("total", "current")}
    batches = loops["epoch_loop.batch_progress"]["total"]["ready"]
    loops["epoch_loop.batch_progress"] = {
        "total": dict.fromkeys(trackers, batches),
        "current": dict.fromkeys(trackers, 0),
        "is_last_batch": False,
    }
    nothing = {part: dict.fromkeys(trackers, 0) for part in ("total", "current")}
    loops["epoch_loop.val_loop.batch_progress"] = {**nothing, "is_last_batch": False}
    loops["epoch_loop.state_dict"] = {"_batches_that_stepped": updates}


@rank_zero_only
def _say(stored: Mapping[str, Any], epoch: int, changed: Mapping[str, tuple[Any, Any]]) -> None:
    """One line: what is other than in the checkpoint, and where the run goes on."""
    whats = ", ".join(f"{name} {before} -> {now}" for name, (before, now) in changed.items())
    rest = "the rest of the epoch is left out, " if stored["batch"] else ""
    log.info(
        "the batches of an epoch are others than in the checkpoint (%s): %sthe run goes on with a new epoch "
        "(number %d, counted from 0)",
        whats,
        rest,
        epoch,
    )
