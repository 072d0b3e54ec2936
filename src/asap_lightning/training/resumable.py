"""What a module needs to continue a run exactly, on one process or several."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from asap_lightning.checkpoint import ENTRY, ModelDescription
from asap_lightning.errors import UserError
from asap_lightning.training import random_state
from asap_lightning.training.resume_position import ACCUMULATE, begin_epoch, start_epoch_if_changed
from asap_lightning.training.scaling import NetworkScalers
from asap_lightning.training.stored_state import require_moments
from asap_lightning.training.window import rewind

Terms = dict[str, Tensor]


class ResumableModule(LightningModule):
    """Keeps the networks' description, loss scalers and every process's random state in the checkpoint.

    Args:
        description: plain data from which a checkpoint's networks are built again; None writes none.

    Attributes:
        accumulate: batches whose gradients make one update.
    """

    accumulate: int = 1

    def __init__(self, description: ModelDescription | None = None) -> None:
        super().__init__()
        self.description = description
        self._random_state: dict[str, Any] | None = None
        self._begins_epoch = False
        self._scaler_states: list[dict[str, Any]] | None = None
        self._scalers = NetworkScalers(None, 0)
        self._random_outside: dict[str, Any] | None = None  # the training's, during a validation

    @property
    def held_batches(self) -> int:
        """Batches that were taken and not trained on yet; a checkpoint is one of the time before them."""
        return 0

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds the networks' description, the scalers' and every process's random state."""
        if self.description is not None:
            checkpoint[ENTRY] = self.description.as_dict()
        own = self._random_outside or random_state.capture()
        states: list[Any] = [own]
        if self._trainer is not None and self.trainer.world_size > 1:
            states = [None] * self.trainer.world_size
            torch.distributed.all_gather_object(states, own)
        checkpoint["random_states"] = states
        checkpoint[ACCUMULATE] = self.accumulate
        checkpoint["scalers"] = self._scalers.state()
        if self.held_batches:
            rewind(checkpoint, self.held_batches)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses another model's checkpoint, before any weight is loaded; settles where the run goes on."""
        if self.description is not None:
            stored = ModelDescription.from_checkpoint(checkpoint, "the checkpoint")
            differences = self.description.differences(stored)
            if differences:
                raise UserError(
                    "the checkpoint is of another model:\n  "
                    + "\n  ".join(differences[:8])
                    + "\nuse the settings that the checkpoint was trained with, or another checkpoint"
                )
        states = checkpoint.get("random_states", [])
        self._random_state = states[self.global_rank] if self.global_rank < len(states) else None
        if self._trainer is not None:
            self._begins_epoch = start_epoch_if_changed(checkpoint, self.trainer, self.accumulate)
        self._scaler_states = checkpoint.get("scalers")

    def on_train_start(self) -> None:
        """Continues a resumed run's scalers and random numbers; in a new one every process gets its own."""
        require_moments(self.trainer.optimizers)
        self._scalers.load(self._scaler_states)
        self._scaler_states = self._random_outside = None
        if self._random_state is not None:
            random_state.restore(self._random_state)
            self._random_state = None
        elif self.global_rank > 0:  # processes were seeded alike, for equal initial weights
            random_state.seed(torch.initial_seed() + self.global_rank)
        if self._begins_epoch:
            begin_epoch(self.trainer)
            self._begins_epoch = False

    def on_validation_start(self) -> None:
        """Sets the training's random state aside: how often one validates must not change a training.

        A resume may leave out the validation that was due when its checkpoint was written, or repeat one.
        """
        self._random_outside = random_state.capture()

    def on_validation_end(self) -> None:
        if self._random_outside is not None:
            random_state.restore(self._random_outside)
            self._random_outside = None

    def on_validation_epoch_start(self) -> None:
        """Gives every process the buffers that a checkpoint would hold, such as batch norm's statistics."""
        if self.trainer.world_size > 1:
            for buffer in self.buffers():
                torch.distributed.broadcast(buffer, src=0)

    def over_processes(self, terms: Terms) -> Terms:
        """Means over all processes, in one exchange: everyone logs and judges what the whole batch gave."""
        if self.trainer.world_size == 1:
            return terms
        # Not `strategy.reduce`, which begins with a barrier and so makes the host wait for the device.
        sums = torch.stack([value.float() for value in terms.values()])
        torch.distributed.all_reduce(sums)
        return dict(zip(terms, (sums / self.trainer.world_size).unbind(), strict=True))
