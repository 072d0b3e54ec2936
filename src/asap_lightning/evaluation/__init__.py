"""Measuring a model on a data set."""

from asap_lightning.evaluation.evaluate import evaluate
from asap_lightning.evaluation.report import EvaluationReport, ImageRow

__all__ = ["EvaluationReport", "ImageRow", "evaluate"]
