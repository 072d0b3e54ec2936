"""Training: the LightningModule, schedules, checkpoints, callbacks."""

from asap_lightning.training.checkpoint import ModelDescription, read_checkpoint
from asap_lightning.training.checkpoint_io import AtomicCheckpointIO, resumable_from
from asap_lightning.training.checkpoint_writer import CheckpointWriter
from asap_lightning.training.diverged import DivergedError
from asap_lightning.training.initialize import initialize_from
from asap_lightning.training.module import TranslationModule
from asap_lightning.training.processes import own_processes
from asap_lightning.training.runner import fit, make_trainer
from asap_lightning.training.schedule import ConstantThenLinear
from asap_lightning.training.stopping import StopRequest, TrainingInterrupted

__all__ = [
    "AtomicCheckpointIO",
    "CheckpointWriter",
    "ConstantThenLinear",
    "DivergedError",
    "ModelDescription",
    "StopRequest",
    "TrainingInterrupted",
    "TranslationModule",
    "fit",
    "initialize_from",
    "make_trainer",
    "own_processes",
    "read_checkpoint",
    "resumable_from",
]
