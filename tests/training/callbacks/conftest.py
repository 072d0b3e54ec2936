"""A module that keeps the training contract, small enough for fits of a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.batch import Batch, collate
from asap_lightning.data.sample import Sample
from asap_lightning.metrics import MetricSuite, pairs_of

SIZE = 16
CLASSES = 3


class TinyModule(LightningModule):
    """One colour a class, fitted by L1; returns and logs what the real module does."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.spec = ConditionSpec("label", num_classes=CLASSES)
        self.colours = nn.Conv2d(CLASSES, 3, 1)
        self.metrics = MetricSuite()
        self.break_at: int | None = None
        self.explode_at: int | None = None

    def forward(self, batch: Batch) -> torch.Tensor:
        return torch.tanh(self.colours(self.spec.encode(batch.condition)))

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, torch.Tensor]:
        optimizer = self.optimizers()
        loss = (self(batch) - batch.photo).abs().mean()
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        l1 = loss.detach()
        if self.global_step == self.break_at:
            l1 = l1 * float("nan")
        if self.global_step == self.explode_at:
            l1 = l1 + 1e4
        terms = {
            "loss_g/l1": l1,
            "loss_g/total": l1,
            "loss_d/real": l1 * 0 + 0.5,
            "loss_d/total": l1 * 0 + 0.5,
        }
        self.log_dict(terms, batch_size=len(batch))
        self.log("step", float(self.global_step), batch_size=len(batch))
        return terms

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        generated = self(batch)
        for pairs in pairs_of(generated, batch.photo, batch.names, valid=batch.valid):
            self.metrics.update(pairs)
        return {"generated": generated, "batch": batch}

    def on_validation_epoch_end(self) -> None:
        self.log_dict({f"val/{name}": value for name, value in self.metrics.compute().values.items()})
        self.log("step", float(self.global_step))
        self.metrics.reset()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.05)


def facade(index: int) -> Sample:
    """A label map of three bands; the photo has one colour a class. Padded by 2 rows and 3 columns."""
    label = np.zeros((SIZE, SIZE), np.uint8)
    label[4 : 8 + index % 4], label[12:] = 1, 2
    colours = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]], np.uint8)
    return Sample(f"b{index:03d}", label=label, photo=colours[label], valid=(SIZE - 2, SIZE - 3))


class Loader:
    """Batches in a fixed order, without worker processes."""

    def __init__(self, count: int, batch_size: int) -> None:
        self.dataset = [facade(i) for i in range(count)]
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for start in range(0, len(self.dataset), self.batch_size):
            yield collate(self.dataset[start : start + self.batch_size])


@pytest.fixture
def samples() -> Callable[[int], Sample]:
    return facade


@pytest.fixture
def loaders() -> tuple[Loader, Loader]:
    """6 training pairs in 3 batches, 5 validation pairs in 3."""
    return Loader(6, 2), Loader(5, 2)


@pytest.fixture
def tiny_module() -> TinyModule:
    return TinyModule()


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., Trainer]:
    """A quiet CPU trainer in ``tmp_path``: validates every 4 steps, logs every 2."""

    def make(*callbacks: Callback, **options: Any) -> Trainer:
        defaults: dict[str, Any] = {
            "accelerator": "cpu",
            "default_root_dir": tmp_path,
            "callbacks": list(callbacks),
            "logger": False,
            "max_steps": 8,
            "max_epochs": -1,
            "val_check_interval": 4,
            "check_val_every_n_epoch": None,
            "num_sanity_val_steps": 1,
            "log_every_n_steps": 2,
            "enable_checkpointing": False,
            "enable_model_summary": False,
            "enable_progress_bar": False,
        }
        return Trainer(**(defaults | options))

    return make


@pytest.fixture
def fit(
    make_trainer: Callable[..., Trainer], tiny_module: TinyModule, loaders: tuple[Loader, Loader]
) -> Callable[..., Trainer]:
    """Fits the tiny module; returns the trainer."""

    def run(*callbacks: Callback, module: LightningModule | None = None, **options: Any) -> Trainer:
        ckpt_path = options.pop("ckpt_path", None)
        trainer = make_trainer(*callbacks, **options)
        trainer.fit(module or tiny_module, *loaders, ckpt_path=ckpt_path)
        return trainer

    return run
