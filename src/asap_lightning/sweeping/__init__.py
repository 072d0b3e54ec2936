"""Searching for good configurations: a study that several processes share, pruning, what a model costs."""

from asap_lightning.sweeping.cost import COST_NAMES, measure_cost
from asap_lightning.sweeping.locks import FileLock, is_locked
from asap_lightning.sweeping.pruning import PruningRule, pruning_rule
from asap_lightning.sweeping.reporter import TrialReporter
from asap_lightning.sweeping.space import Choice, Parameter, Real, Whole
from asap_lightning.sweeping.study import Claim, SharedStudy, StudySettings
from asap_lightning.sweeping.trial import TrialHandle, open_trial

__all__ = [
    "COST_NAMES",
    "Choice",
    "Claim",
    "FileLock",
    "Parameter",
    "PruningRule",
    "Real",
    "SharedStudy",
    "StudySettings",
    "TrialHandle",
    "TrialReporter",
    "Whole",
    "is_locked",
    "measure_cost",
    "open_trial",
    "pruning_rule",
]
