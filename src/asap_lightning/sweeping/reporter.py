"""The callback that tells a study how a training goes, and ends it where the study's rule says so."""

from __future__ import annotations

import logging
from collections.abc import Collection

from pytorch_lightning import Callback, LightningModule, Trainer

from asap_lightning.errors import UserError
from asap_lightning.sweeping.pruning import PruningRule
from asap_lightning.sweeping.trial import PRUNED, TrialHandle, course_of
from asap_lightning.training.checkpoint_writer import ends_training
from asap_lightning.training.monitored import measured_by

log = logging.getLogger(__name__)


class TrialReporter(Callback):
    """Reports the study's metric after every validation; the first process of several speaks for all.

    Args:
        trial: what the training is; None in every process but the first.
        rule: decides, after a report, whether the training ends early.

    Attributes:
        pruned_at: the step at which it was ended early.
    """

    output_name = None

    def __init__(self, trial: TrialHandle | None, rule: PruningRule) -> None:
        self.trial, self.rule = trial, rule
        self.pruned_at: int | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        prune = self.trial is not None and self._report(trainer, self.trial, measured_by(pl_module))
        if trainer.world_size > 1:
            prune = trainer.strategy.broadcast(prune)
        if prune:
            self.pruned_at = trainer.global_step
            trainer.should_stop = True

    def _report(self, trainer: Trainer, trial: TrialHandle, measured: Collection[str]) -> bool:
        step, metric = trainer.global_step, trial.settings["metric"]
        if metric not in trainer.callback_metrics:
            if metric in measured:  # not this time: no score, or not its turn
                return False
            known = ", ".join(name for name in trainer.callback_metrics if name.startswith("val/"))
            raise UserError(f"hydra.sweeper.metric={metric}: the validation logs {known or 'nothing'}")
        frozen, up = trial.frozen, trial.settings["higher_is_better"]
        own = course_of(frozen, up)
        assert own is not None, "the cost is measured before the training"
        value = float(trainer.callback_metrics[metric])
        # The rule sees the course with this step; steps that a resume makes again are there already.
        own = type(own)(own.cost, {**own.quality, step: value if up else -value})
        trial.report(step, value)
        if ends_training(trainer):
            return False
        others = [course for other in trial.others() if (course := course_of(other, up)) is not None]
        if not self.rule(own, others, step):
            return False
        log.info(
            "pruned after %d updates: %s %.4g is too little for what the model costs", step, metric, value
        )
        trial.note(**{PRUNED: step})
        return True
