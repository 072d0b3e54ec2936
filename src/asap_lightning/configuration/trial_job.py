"""A training that is a trial of a study: what it costs, what it reports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from asap_lightning.data import PairedDataModule
from asap_lightning.errors import UserError
from asap_lightning.evaluation.cost.measure import COST_NAMES, measure_cost
from asap_lightning.locks import lock_at
from asap_lightning.run_folder.marks import job_key
from asap_lightning.sweeping import (
    TrialReporter,
    open_trial,
    pruning_rule,
)
from asap_lightning.sweeping.study import LOCKS
from asap_lightning.sweeping.trial import COST, DEVICE, FOLDER, MODEL, TRIAL
from asap_lightning.training import TranslationModule


def trial_reporter(folder: Path) -> TrialReporter | None:
    """The callback that reports to the study in the sweep's folder; None for a run that is no trial.

    Raises:
        UserError: wrong numbers for the pruning rule.
    """
    number = os.environ.get(TRIAL)
    if number is None:
        return None
    if getattr(rank_zero_only, "rank", 0) != 0:
        return TrialReporter(None, pruning_rule("none"))
    trial = open_trial(folder.parent, int(number))
    try:
        rule = pruning_rule(**trial.settings["pruner"])
    except (TypeError, ValueError) as error:
        raise UserError(f"hydra.sweeper.pruner: {error}") from error
    trial.note(**{FOLDER: folder.name})
    return TrialReporter(trial, rule)


def measure_trial(
    reporter: TrialReporter,
    module: TranslationModule,
    data: PairedDataModule,
    trainer: Trainer,
    folder: Path,
) -> None:
    """Measures what the trial's model costs, unless it or a trial with the same model has done so before.

    One process measures at a time, so that workers on one machine do not slow each other's measurement.
    """
    trial = reporter.trial
    if trial is None or COST in trial.frozen.user_attrs:
        return
    kind, device = trial.settings["cost"], trainer.strategy.root_device
    settings = module.description.generator if module.description is not None else {}
    model = job_key({"generator": settings, "height": data.height, "width": data.width})
    with lock_at(folder.parent / LOCKS / "measuring"):
        cost = trial.known_cost(model, device.type)
        if cost is None:
            cost = measure_cost(kind, module.generator, data.height, data.width, device=device)
    trial.note(**{MODEL: model, DEVICE: device.type, COST: cost})


def trial_marks(reporter: TrialReporter | None) -> dict[str, Any]:
    """What ``finished.json`` says about a trial: its number, and its cost under the name of its unit."""
    if reporter is None or reporter.trial is None:
        return {}
    trial = reporter.trial
    cost = trial.frozen.user_attrs[COST]
    return {"trial": trial.number, COST_NAMES[trial.settings["cost"]]: cost}
