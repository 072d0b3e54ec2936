"""What a training shows, writes and watches beside the updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.training.callbacks.diagnostics import Diagnostics as Diagnostics
    from asap_lightning.training.callbacks.feature_clusters import FitFeatureClusters as FitFeatureClusters
    from asap_lightning.training.callbacks.final_table import FinalTable as FinalTable
    from asap_lightning.training.callbacks.finite_guard import GuardFiniteLoss as GuardFiniteLoss
    from asap_lightning.training.callbacks.freeze_coarse import FreezeCoarse as FreezeCoarse
    from asap_lightning.training.callbacks.learning_curves import LearningCurves as LearningCurves
    from asap_lightning.training.callbacks.learning_curves import draw_curves as draw_curves
    from asap_lightning.training.callbacks.metrics_csv import MetricsCsv as MetricsCsv
    from asap_lightning.training.callbacks.progress import TrainingProgress as TrainingProgress
    from asap_lightning.training.callbacks.resolved_config import ResolvedConfig as ResolvedConfig
    from asap_lightning.training.callbacks.sample_grid import SampleGrid as SampleGrid
    from asap_lightning.training.callbacks.sample_table import SampleTable as SampleTable
    from asap_lightning.training.callbacks.throughput import Throughput as Throughput

_HOMES = {
    "Diagnostics": "diagnostics",
    "FinalTable": "final_table",
    "FitFeatureClusters": "feature_clusters",
    "FreezeCoarse": "freeze_coarse",
    "GuardFiniteLoss": "finite_guard",
    "LearningCurves": "learning_curves",
    "MetricsCsv": "metrics_csv",
    "ResolvedConfig": "resolved_config",
    "SampleGrid": "sample_grid",
    "SampleTable": "sample_table",
    "Throughput": "throughput",
    "TrainingProgress": "progress",
    "draw_curves": "learning_curves",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
