"""What a training shows, writes and watches beside the updates."""

from asap_lightning.training.callbacks.diagnostics import Diagnostics
from asap_lightning.training.callbacks.feature_clusters import FitFeatureClusters
from asap_lightning.training.callbacks.final_table import FinalTable
from asap_lightning.training.callbacks.finite_guard import GuardFiniteLoss
from asap_lightning.training.callbacks.freeze_coarse import FreezeCoarse
from asap_lightning.training.callbacks.learning_curves import LearningCurves, draw_curves
from asap_lightning.training.callbacks.metric_history import MetricHistory
from asap_lightning.training.callbacks.metrics_csv import MetricsCsv
from asap_lightning.training.callbacks.progress import TrainingProgress
from asap_lightning.training.callbacks.resolved_config import ResolvedConfig
from asap_lightning.training.callbacks.sample_grid import SampleGrid
from asap_lightning.training.callbacks.sample_table import SampleTable
from asap_lightning.training.callbacks.throughput import Throughput

__all__ = [
    "Diagnostics",
    "FinalTable",
    "FitFeatureClusters",
    "FreezeCoarse",
    "GuardFiniteLoss",
    "LearningCurves",
    "MetricHistory",
    "MetricsCsv",
    "ResolvedConfig",
    "SampleGrid",
    "SampleTable",
    "Throughput",
    "TrainingProgress",
    "draw_curves",
]
