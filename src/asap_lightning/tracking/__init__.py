"""Experiment tracking: Weights & Biases and MLflow runs, and reading W&B's back without a server.

Names are imported when first asked for: a training that logs to CSV alone does not load W&B.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.tracking.finishing import finished_runs as finished_runs
    from asap_lightning.tracking.finishing import note_input as note_input
    from asap_lightning.tracking.mlflow import MlflowRunLogger as MlflowRunLogger
    from asap_lightning.tracking.mlflow import make_mlflow_logger as make_mlflow_logger
    from asap_lightning.tracking.offline import OfflineRun as OfflineRun
    from asap_lightning.tracking.offline import find_offline_runs as find_offline_runs
    from asap_lightning.tracking.offline import read_offline_run as read_offline_run
    from asap_lightning.tracking.references import download_checkpoint as download_checkpoint
    from asap_lightning.tracking.wandb import RunLogger as RunLogger
    from asap_lightning.tracking.wandb import make_wandb_logger as make_wandb_logger

_HOMES = {
    "MlflowRunLogger": "mlflow",
    "OfflineRun": "offline",
    "RunLogger": "wandb",
    "download_checkpoint": "references",
    "find_offline_runs": "offline",
    "finished_runs": "finishing",
    "make_mlflow_logger": "mlflow",
    "make_wandb_logger": "wandb",
    "note_input": "finishing",
    "read_offline_run": "offline",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
