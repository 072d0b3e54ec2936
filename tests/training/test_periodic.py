"""Metrics that only some validations compute: which ones, with what value, also after a resume."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback
from torch import nn

import small
from asap_lightning.data import PairedDataModule
from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.data.layouts import CmpFacades
from asap_lightning.errors import UserError
from asap_lightning.losses import TranslationObjective
from asap_lightning.metrics import MetricSuite, pairs_of
from asap_lightning.training import (
    CheckpointWriter,
    ModelDescription,
    TranslationModule,
    make_trainer,
    read_checkpoint,
)
from asap_lightning.training.periodic import PeriodicMetrics
from asap_lightning.training.stored_state import require_training_state

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*your dataloader is not resumable"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
]
STEPS = 12  # 3 batches an epoch, a validation every two: at 2, 4, .., 12


@pytest.fixture(scope="module")
def facades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight facades: six to train on, two to validate."""
    root = tmp_path_factory.mktemp("facades") / "demo"
    write_demo_dataset(root, count=8, size=32, workers=1, progress=False)
    torch.save(network().state_dict(), root.parent / "weights.pth")
    return root


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())


def suite(facades: Path) -> MetricSuite:
    custom = {"network": network(), "weights": str(facades.parent / "weights.pth")}
    return MetricSuite(["fd_custom"], settings={"custom": custom})


class Watch(Callback):
    """Keeps what each validation has logged, by step, and the images of the last one."""

    def __init__(self) -> None:
        self.logged: dict[int, set[str]] = {}
        self.value = float("nan")
        self.images: list[Any] = []

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self.images = []

    def on_validation_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *rest: Any) -> None:
        self.images.append(outputs)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        metrics = trainer.callback_metrics
        self.logged[trainer.global_step] = {name for name in metrics if name.startswith("val/")}
        self.value = float(metrics.get("val/fd_custom", "nan"))


def train(
    facades: Path, folder: Path, *, every: int | None, steps: int = STEPS, ckpt: Path | None = None
) -> tuple[Watch, TranslationModule, CheckpointWriter]:
    torch.manual_seed(11)
    data = PairedDataModule(
        facades, partial(CmpFacades, split="ratio", test_share=0.25), 32, 32, mode="resize_and_crop",
        batch_size=2, num_workers=0, seed=4,
    )  # fmt: skip
    generator = small.asap_generator(data.spec)
    data.size_multiple = generator.size_multiple
    module = TranslationModule(
        generator, None, TranslationObjective(None, l1=1),
        generator_optimizer=partial(torch.optim.Adam, lr=1e-3),
        periodic=None if every is None else PeriodicMetrics(suite(facades), every),
        description=ModelDescription(data.spec.as_dict(), small.ASAP),
    )  # fmt: skip
    watch = Watch()
    monitor = "val/psnr" if every is None else "val/fd_custom"
    writer = CheckpointWriter(folder, every_n_steps=1, keep_every_n_steps=1, monitor=monitor)
    make_trainer(
        accelerator="cpu", logger=False, callbacks=[writer, watch], enable_progress_bar=False, max_epochs=-1,
        enable_model_summary=False, max_steps=steps, log_every_n_steps=1,
        check_val_every_n_epoch=None, val_check_interval=2,
    ).fit(module, datamodule=data, ckpt_path=None if ckpt is None else str(ckpt))  # fmt: skip
    return watch, module, writer


def measured(watch: Watch) -> list[int]:
    """Steps whose validation has measured it."""
    return [step for step, names in watch.logged.items() if step and "val/fd_custom" in names]


@pytest.fixture(scope="module")
def uninterrupted(facades: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Watch]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, train(facades, folder, every=2)[0]


def test_every_second_validation_measures_and_chooses_the_best(
    facades: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch, module, writer = train(facades, tmp_path, every=2)
    assert measured(watch) == [4, 8, 12]
    assert "no score" not in caplog.text, "a validation that measures nothing misses nothing"
    quick = {"val/psnr", "val/ssim", "val/l1"}
    assert all(names >= quick for step, names in watch.logged.items() if step)
    assert writer.mode == "min" and writer.best_step in (4, 8, 12)

    alone = suite(facades)
    for output in watch.images:
        batch = output["batch"]
        for pairs in pairs_of(output["generated"], batch.photo, batch.names):
            alone.update(pairs)
    assert watch.value == pytest.approx(alone.compute().values["fd_custom"], rel=1e-6)

    _, plain, _ = train(facades, tmp_path / "plain", every=None, steps=1)
    assert [*module.state_dict()] == [*plain.state_dict()], "no network of a metric is a part of the model"
    assert len([*module.parameters()]) == len([*plain.parameters()])


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 6, 9, 10])
def test_a_resumed_training_measures_at_the_same_validations(
    facades: Path, uninterrupted: tuple[Path, Watch], tmp_path: Path, after: int
) -> None:
    """Files of even steps are from just before a validation, at 6 also at the end of an epoch."""
    folder, whole = uninterrupted
    assert measured(whole) == [4, 8, 12]
    watch, _, _ = train(facades, tmp_path, every=2, ckpt=folder / f"step_{after:08d}.ckpt")
    assert [step for step in measured(watch) if step > after] == [s for s in (4, 8, 12) if s > after]


def test_a_file_from_after_a_validation_resumes_alike(
    facades: Path, uninterrupted: tuple[Path, Watch], tmp_path: Path
) -> None:
    best = uninterrupted[0] / "best.ckpt"
    step = read_checkpoint(best)["global_step"]
    watch, _, _ = train(facades, tmp_path, every=2, steps=16, ckpt=best)
    assert [s for s in measured(watch) if s > step] == [s for s in (4, 8, 12, 16) if s > step]


def test_the_count_in_a_file_is_checked(uninterrupted: tuple[Path, Watch]) -> None:
    checkpoint = read_checkpoint(uninterrupted[0] / "last.ckpt")
    require_training_state(checkpoint, "a")
    for bad in ("2", {"count": -1, "step": 0}, {"count": 1, "step": 1.5}, {"count": 1}):
        with pytest.raises(UserError, match="periodic_metrics is"):
            require_training_state({**checkpoint, "periodic_metrics": bad}, "a")


def test_there_is_no_turn_below_one() -> None:
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        PeriodicMetrics(MetricSuite(["l1"]), 0)
