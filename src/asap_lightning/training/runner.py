"""Making a trainer that fits this module's needs, and running it."""

from __future__ import annotations

import os
from typing import Any

from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.strategies import DDPStrategy

from asap_lightning.training.checkpoint_io import AtomicCheckpointIO
from asap_lightning.training.stopping import StopRequest


def make_trainer(*, strategy: str = "auto", plugins: Any = None, **settings: Any) -> Trainer:
    """A Lightning Trainer with atomic checkpoints and our own samplers.

    With several devices ``strategy=auto`` becomes DDP that looks for unused parameters: each of the two
    networks is idle in the other's backward pass, and plain DDP would wait for its gradients for ever.

    Args:
        strategy: as Lightning's.
        plugins: further Lightning plugins.
        settings: of `pytorch_lightning.Trainer`.
    """
    chosen = list(plugins or [])
    if not any(isinstance(plugin, AtomicCheckpointIO) for plugin in chosen):
        chosen.append(AtomicCheckpointIO())
    trainer = Trainer(strategy=strategy, plugins=chosen, use_distributed_sampler=False, **settings)
    if strategy == "auto" and isinstance(trainer.strategy, DDPStrategy):
        trainer.strategy._ddp_kwargs.setdefault("find_unused_parameters", True)
    return trainer


def fit(
    trainer: Trainer,
    module: LightningModule,
    datamodule: LightningDataModule | None = None,
    *,
    ckpt_path: str | os.PathLike[str] | None = None,
    stop: StopRequest | None = None,
    baseline: bool = False,
) -> None:
    """Trains; with ``ckpt_path`` continues exactly where that checkpoint was written.

    Args:
        trainer: from `make_trainer`.
        module: what is trained.
        datamodule: what it is trained on; None where the module brings its own.
        ckpt_path: a checkpoint of the same model.
        baseline: whether the untrained network is validated first, as step 0 of every curve.
        stop: the request that the trainer's `CheckpointWriter` watches; its signal handlers are active
            meanwhile.

    Raises:
        TrainingInterrupted: a signal asked to stop; a checkpoint has been written.
        UserError: another model's checkpoint, missing data, divergence.
    """
    _leave_sigterm_alone(trainer)
    with stop or StopRequest():
        if baseline and ckpt_path is None:
            trainer.validate(module, datamodule=datamodule, verbose=False)
        trainer.fit(module, datamodule=datamodule, ckpt_path=None if ckpt_path is None else str(ckpt_path))


def _leave_sigterm_alone(trainer: Trainer) -> None:
    """Makes Lightning's own answer to SIGTERM do nothing; `StopRequest` answers.

    With several processes Lightning 2.6 broadcasts from inside the signal handler, where it meets whatever
    exchange the processes are at ("Received data size doesn't match"), and asks for it before every step,
    which makes the host wait for the device.
    """
    trainer._signal_connector._sigterm_notifier_fn = lambda number, frame: None  # type: ignore[assignment, method-assign]
    trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]
