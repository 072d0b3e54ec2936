"""Searching for good configurations: a study that several processes share, pruning, what a model costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.sweeping.pruning import PruningRule as PruningRule
    from asap_lightning.sweeping.pruning import pruning_rule as pruning_rule
    from asap_lightning.sweeping.reporter import TrialReporter as TrialReporter
    from asap_lightning.sweeping.space import Choice as Choice
    from asap_lightning.sweeping.space import Parameter as Parameter
    from asap_lightning.sweeping.space import Real as Real
    from asap_lightning.sweeping.space import Whole as Whole
    from asap_lightning.sweeping.study import Claim as Claim
    from asap_lightning.sweeping.study import SharedStudy as SharedStudy
    from asap_lightning.sweeping.study import StudySettings as StudySettings
    from asap_lightning.sweeping.trial import TrialHandle as TrialHandle
    from asap_lightning.sweeping.trial import open_trial as open_trial

_HOMES = {
    "Choice": "space",
    "Claim": "study",
    "Parameter": "space",
    "PruningRule": "pruning",
    "Real": "space",
    "SharedStudy": "study",
    "StudySettings": "study",
    "TrialHandle": "trial",
    "TrialReporter": "reporter",
    "Whole": "space",
    "open_trial": "trial",
    "pruning_rule": "pruning",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
