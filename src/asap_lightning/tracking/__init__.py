"""Experiment tracking: Weights & Biases and MLflow runs, and reading W&B's back without a server."""

from asap_lightning.tracking.finishing import finished_runs, note_input
from asap_lightning.tracking.mlflow import MlflowRunLogger, make_mlflow_logger
from asap_lightning.tracking.offline import OfflineRun, find_offline_runs, read_offline_run
from asap_lightning.tracking.references import download_checkpoint
from asap_lightning.tracking.wandb import RunLogger, make_wandb_logger

__all__ = [
    "MlflowRunLogger",
    "OfflineRun",
    "RunLogger",
    "download_checkpoint",
    "find_offline_runs",
    "finished_runs",
    "make_mlflow_logger",
    "make_wandb_logger",
    "note_input",
    "read_offline_run",
]
