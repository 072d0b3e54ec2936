"""Training: the LightningModule, schedules, checkpoints, callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.checkpoint import ModelDescription as ModelDescription
from asap_lightning.checkpoint import read_checkpoint as read_checkpoint
from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.training.checkpoint_io import AtomicCheckpointIO as AtomicCheckpointIO
    from asap_lightning.training.checkpoint_io import resumable_from as resumable_from
    from asap_lightning.training.checkpoint_writer import CheckpointWriter as CheckpointWriter
    from asap_lightning.training.diverged import DivergedError as DivergedError
    from asap_lightning.training.initialize import (
        initialize_discriminator_from as initialize_discriminator_from,
    )
    from asap_lightning.training.initialize import initialize_from as initialize_from
    from asap_lightning.training.module import TranslationModule as TranslationModule
    from asap_lightning.training.processes import own_processes as own_processes
    from asap_lightning.training.runner import fit as fit
    from asap_lightning.training.runner import make_trainer as make_trainer
    from asap_lightning.training.schedule import ConstantThenLinear as ConstantThenLinear
    from asap_lightning.training.schedule import ExponentialWarmup as ExponentialWarmup
    from asap_lightning.training.stopping import StopRequest as StopRequest
    from asap_lightning.training.stopping import TrainingInterrupted as TrainingInterrupted

_HOMES = {
    "AtomicCheckpointIO": "checkpoint_io",
    "CheckpointWriter": "checkpoint_writer",
    "ConstantThenLinear": "schedule",
    "DivergedError": "diverged",
    "ExponentialWarmup": "schedule",
    "StopRequest": "stopping",
    "TrainingInterrupted": "stopping",
    "TranslationModule": "module",
    "fit": "runner",
    "initialize_discriminator_from": "initialize",
    "initialize_from": "initialize",
    "make_trainer": "runner",
    "own_processes": "processes",
    "resumable_from": "checkpoint_io",
}

__getattr__, __dir__, _own = lazily(__name__, _HOMES)
__all__ = sorted([*_own, "ModelDescription", "read_checkpoint"])
