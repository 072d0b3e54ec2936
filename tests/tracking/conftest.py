"""Short fits of the real module (two networks) that log to W&B's offline files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import wandb
from pytorch_lightning import Trainer

import small
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.losses import HingeLoss, TranslationObjective
from asap_lightning.models import MultiscaleDiscriminator
from asap_lightning.tracking import RunLogger, finished_runs
from asap_lightning.training import CheckpointWriter, TranslationModule, make_trainer
from asap_lightning.training.callbacks import Diagnostics, SampleGrid, SampleTable, Throughput

SPEC = ConditionSpec("label", num_classes=3)


class Batches:
    """The same random batches every time."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Batch]:
        random = torch.Generator().manual_seed(5)
        for index in range(self.count):
            label = torch.randint(0, 3, (2, 16, 16), generator=random)
            photo = torch.rand(2, 3, 16, 16, generator=random) * 2 - 1
            names = [f"b{index}_{i}" for i in range(2)]
            yield Batch(Condition(label=label), photo, names, [(16, 16)] * 2)


def small_module() -> TranslationModule:
    """Both networks, hinge loss and feature matching."""
    torch.manual_seed(3)
    generator = small.asap_generator(SPEC, s1=2, s2=2)
    adam = partial(torch.optim.Adam, lr=1e-3)
    return TranslationModule(
        generator,
        MultiscaleDiscriminator(SPEC, width=4, layers=3),
        TranslationObjective(HingeLoss(), feature_matching=10),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
    )


@pytest.fixture(autouse=True)
def _without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No test sees this machine's key or settings, leaves a run open, or goes online."""
    for name in (
        "WANDB_API_KEY",
        "WANDB_MODE",
        "WANDB_BASE_URL",
        "WANDB_IDENTITY_TOKEN_FILE",
        "WANDB_DATA_DIR",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no_netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "no_settings"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    yield
    if wandb.run is not None:
        wandb.finish()


@pytest.fixture
def track() -> Callable[..., Trainer]:
    """Trains 4 batches an epoch with a logger whose run is finished afterwards; returns the trainer."""

    def run(logger: RunLogger, folder: Path, *, max_steps: int = 8, **options: Any) -> Trainer:
        module, ckpt_path = options.pop("module", None) or small_module(), options.pop("ckpt_path", None)
        trainer = make_trainer(
            accelerator="cpu",
            default_root_dir=folder,
            logger=logger,
            callbacks=[
                Throughput(),
                Diagnostics(histogram_every=4, bins=8),
                SampleGrid(count=2),
                SampleTable(count=3, longest=8),
                CheckpointWriter(folder / "checkpoints", every_n_steps=3),
            ],
            max_steps=max_steps,
            max_epochs=-1,
            log_every_n_steps=2,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        with finished_runs([logger]):
            trainer.fit(module, Batches(4), Batches(2), ckpt_path=ckpt_path)
        return trainer

    return run
