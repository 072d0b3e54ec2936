"""Metrics that take long: a validation computes them only every so often."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.metrics import MetricSuite, Pairs
from asap_lightning.metrics.suite import Scores
from asap_lightning.training.stored_state import stored_number

log = logging.getLogger(__name__)

ENTRY = "periodic_metrics"
"""Their place in a checkpoint."""


class PeriodicMetrics:
    """A suite that takes part in every N-th validation of a training.

    Validations are counted by the weights that they measure: one that a resume repeats is the same one, and
    one that a resume leaves out (the checkpoint is from just before it) has been. Its networks belong to no
    module: no checkpoint holds them.

    Args:
        suite: what is measured beside what every validation measures.
        every: validations from one such measurement to the next; the first is number ``every``.

    Raises:
        ValueError: ``every`` is below 1.
    """

    def __init__(self, suite: MetricSuite, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self.suite, self.every = suite, every
        self.active = False
        self._count = 0
        self._counted_at: int | None = None
        self._told: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Keys of the metrics that can be computed."""
        return self.suite.available

    def begin(self, trainer: Trainer) -> None:
        """A validation begins: is it one of those?

        One that is no part of a training measures all. The trial before a training lets the images pass by,
        so that those which a network cannot take are found before the training, and has no result.
        """
        self.suite.reset()
        fitting = trainer.state.fn == "fit" and not trainer.sanity_checking
        if fitting and self._counted_at != trainer.global_step:
            self._count += 1
            self._counted_at = trainer.global_step
        self.active = not fitting or self._count % self.every == 0
        for name in self.names:  # Lightning shows the last one's values until there are new ones
            trainer.callback_metrics.pop(f"val/{name}", None)

    def update(self, pairs: Pairs) -> None:
        """Takes some images, if this validation is one of those."""
        if self.active:
            self.suite.update(pairs)

    def compute(self, trainer: Trainer) -> Scores:
        """The scores of this validation, empty if it is none of those; each remark is made once."""
        if not self.active or trainer.sanity_checking or not self.suite.has_updates:
            return {}
        results = self.suite.compute()
        missing = [f"{key}: no score: {why.reason}" for key, why in results.unavailable.items()]
        for remark in (*missing, *results.warnings):
            if remark not in self._told:
                self._told.add(remark)
                rank_zero_only(log.warning)("validation: %s", remark)
        self.suite.reset()
        return results.values

    def state(self, trainer: Trainer | None) -> dict[str, int]:
        """What a checkpoint keeps: the count, and the step whose validation it counts last."""
        if trainer is not None and self._counted_at != trainer.global_step and _validates_next(trainer):
            return {"count": self._count + 1, "step": trainer.global_step}
        return {"count": self._count, "step": -1 if self._counted_at is None else self._counted_at}

    def load(self, state: Mapping[str, Any] | None) -> None:
        """Goes on counting; a run that has not counted begins to."""
        if state is not None:
            self._count = stored_number(state, "count", int) or 0
            self._counted_at = stored_number(state, "step", int)


def _validates_next(trainer: Trainer) -> bool:
    """Whether the batch that was just trained on is followed by a validation."""
    loop = trainer.fit_loop
    if not trainer.training or loop._data_fetcher is None:
        return False
    return bool(loop.epoch_loop._should_check_val_fx(loop._data_fetcher))
