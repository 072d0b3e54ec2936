"""Experiment tracking: Weights & Biases runs, and reading them back without a server."""

from asap_lightning.tracking.finishing import finished_runs
from asap_lightning.tracking.offline import OfflineRun, find_offline_runs, read_offline_run
from asap_lightning.tracking.wandb import RunLogger, make_wandb_logger

__all__ = [
    "OfflineRun",
    "RunLogger",
    "find_offline_runs",
    "finished_runs",
    "make_wandb_logger",
    "read_offline_run",
]
