"""Measuring a model on a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.evaluation.pairs import evaluate as evaluate
    from asap_lightning.evaluation.report import EvaluationReport as EvaluationReport
    from asap_lightning.evaluation.report import ImageRow as ImageRow

_HOMES = {
    "EvaluationReport": "report",
    "ImageRow": "report",
    "evaluate": "pairs",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
