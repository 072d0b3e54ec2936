"""A small training as a script, so that Lightning can start it once for each process.

python ddp_script.py DATA OUT DEVICES ORDER MAX_STEPS LIMIT_VAL [CHECKPOINT]
"""

from __future__ import annotations

import os
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback
from torch import nn

import small
from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts import CmpFacades
from asap_lightning.losses import HingeLoss, TranslationObjective
from asap_lightning.metrics import MetricSuite
from asap_lightning.models import MultiscaleDiscriminator
from asap_lightning.training import CheckpointWriter, ModelDescription, TranslationModule, fit, make_trainer
from asap_lightning.training.periodic import PeriodicMetrics

GLOBAL_BATCH = 4


class Record(Callback):
    """Keeps what was logged after each step and at the last validation, and the names of all images seen."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.losses: list[dict[str, float]] = []
        self.validation: dict[str, float] = {}
        self.names: dict[str, list[str]] = {"train": [], "val": []}
        self.noise = 0.0

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self.noise = float(torch.rand(()))

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.losses.append(
            {n: float(v) for n, v in trainer.callback_metrics.items() if n.startswith("loss_")}
        )
        self.names["train"] += batch.names

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, *rest: Any
    ) -> None:
        self.names["val"] += batch.names

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        metrics = trainer.callback_metrics.items()
        self.validation = {n: float(v) for n, v in metrics if n.startswith("val/")}

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        record = {
            "losses": self.losses, "validation": self.validation, "names": self.names, "noise": self.noise,
            "weights": {name: value.clone() for name, value in pl_module.state_dict().items()},
        }  # fmt: skip
        torch.save(record, self.out / f"record_{trainer.global_rank}.pt")


def distance(folder: Path) -> MetricSuite:
    """The Frechet distance in the features of one random layer."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    torch.save(network.state_dict(), weights := folder / f"distance_{os.getpid()}.pth")
    return MetricSuite(["fd_custom"], settings={"custom": {"network": network, "weights": str(weights)}})


def train(
    data_root: str,
    out: str,
    devices: int,
    order: str,
    max_steps: int,
    limit_val: int,
    ckpt: str | None = None,
) -> None:
    """Trains with a global batch of four; one of the 13 training pairs lies outside an epoch's batches."""
    torch.manual_seed(11)
    data = PairedDataModule(
        data_root, partial(CmpFacades, split="ratio", test_share=5 / 18), 32, 32, mode="resize_and_crop",
        batch_size=GLOBAL_BATCH // devices, eval_batch_size=1, seed=4, limit_val=limit_val,
    )  # fmt: skip
    generator = small.asap_generator(data.spec)
    data.size_multiple = generator.size_multiple
    folder = Path(out)
    adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.0, 0.9))
    module = TranslationModule(
        generator, MultiscaleDiscriminator(data.spec, width=4, layers=3),
        TranslationObjective(HingeLoss(), feature_matching=10, l1=1),
        generator_optimizer=adam, discriminator_optimizer=adam, ema=0.9, order=order, clip=1.0,
        periodic=PeriodicMetrics(distance(folder)),
        description=ModelDescription(data.spec.as_dict(), small.ASAP),
    )  # fmt: skip
    trainer = make_trainer(
        accelerator="cpu", devices=devices, strategy="auto", logger=False, max_steps=max_steps, max_epochs=-1,
        callbacks=[Record(folder), CheckpointWriter(folder, every_n_steps=max_steps)], log_every_n_steps=1,
        precision="64-true", enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    fit(trainer, module, data, ckpt_path=ckpt)


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".*does not have many workers")
    root, out, devices, order, steps, limit, *ckpt = sys.argv[1:]
    train(root, out, int(devices), order, int(steps), int(limit), *ckpt)
