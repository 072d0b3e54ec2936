"""A run that is interrupted and resumed sees the same batches as one that is not."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts import SpadeFolders

PAIRS, BATCHES, EPOCHS = 10, 5, 3

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*your dataloader is not resumable:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*smaller than the logging interval:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*will duplicate:UserWarning"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
]


class Recorder(LightningModule):
    """Writes down what every training step was given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.automatic_optimization = False
        self.seen: list[tuple[str, ...]] = []

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward((self.weight * batch.photo.mean()).sum())
        optimizer.step()
        flipped = [f"{float(photo[0, 0, 0]):.5f}" for photo in batch.photo]
        self.seen.append((*batch.names, *flipped))

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


class SaveOnce(Callback):
    """Saves a checkpoint at one place, after a number of batches in all, and stops there."""

    def __init__(self, path: Path, place: str, after: int) -> None:
        self.path, self.place, self.after = path, place, after

    def _save(self, trainer: Trainer, module: Recorder, place: str) -> None:
        if place == self.place and len(module.seen) == self.after and not trainer.sanity_checking:
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt

    def on_train_batch_end(self, trainer, module, *_):
        self._save(trainer, module, "batch")

    def on_validation_end(self, trainer, module):
        self._save(trainer, module, "validation")

    def on_train_epoch_end(self, trainer, module):
        self._save(trainer, module, "epoch")


def datamodule(root: Path, **options) -> PairedDataModule:
    layout = partial(SpadeFolders, num_classes=3)
    return PairedDataModule(root, layout, 8, 8, mode="resize_and_crop", batch_size=2, seed=5, **options)


def train(root: Path, tmp_path: Path, callbacks=(), ckpt=None, limits=None, **options) -> Recorder:
    module = Recorder()
    trainer = Trainer(
        accelerator="cpu",
        callbacks=list(callbacks),
        default_root_dir=tmp_path,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        logger=False,
        use_distributed_sampler=False,
        **({"max_epochs": EPOCHS} | (limits or {})),
    )
    try:
        trainer.fit(module, datamodule=datamodule(root, **options), ckpt_path=ckpt, weights_only=True)
    except (KeyboardInterrupt, SystemExit):
        assert callbacks
    return module


@pytest.fixture
def root(trees) -> Path:
    return trees.spade(count=PAIRS)


PLACES = [("batch", n) for n in (1, 3, 5, 6, 10, 12)] + [("validation", 5), ("epoch", 5)]


@pytest.mark.parametrize(("place", "after"), PLACES)
@pytest.mark.parametrize(
    "limits", [{"max_epochs": EPOCHS}, {"max_epochs": -1, "max_steps": EPOCHS * BATCHES}]
)
def test_resume_continues_with_the_next_batch(root, tmp_path, place, after, limits):
    whole = train(root, tmp_path, limits=limits)
    assert len(whole.seen) == EPOCHS * BATCHES
    checkpoint = tmp_path / "stop.ckpt"
    first = train(root, tmp_path, [SaveOnce(checkpoint, place, after)], limits=limits)
    assert checkpoint.exists()
    second = train(root, tmp_path, ckpt=checkpoint, limits=limits)
    assert first.seen + second.seen == whole.seen


def test_resume_works_with_workers_that_read_ahead(root, tmp_path):
    whole = train(root, tmp_path)
    checkpoint = tmp_path / "stop.ckpt"
    first = train(root, tmp_path, [SaveOnce(checkpoint, "batch", 7)], num_workers=2)
    second = train(root, tmp_path, ckpt=checkpoint, num_workers=1)
    assert first.seen + second.seen == whole.seen


def test_a_run_can_be_resumed_again_and_again(root, tmp_path):
    whole = train(root, tmp_path)
    seen, checkpoint = [], None
    for number, steps in enumerate((5, 4, 3)):
        target = tmp_path / f"{number}.ckpt"
        part = train(root, tmp_path, [SaveOnce(target, "batch", steps)], ckpt=checkpoint)
        seen, checkpoint = seen + part.seen, target
    seen += train(root, tmp_path, ckpt=checkpoint).seen
    assert seen == whole.seen


def test_a_limited_epoch_is_counted_as_such(root, tmp_path):
    limits = {"limit_train_batches": 3, "max_epochs": 3}
    whole = train(root, tmp_path, limits=limits)
    assert len(whole.seen) == 9
    checkpoint = tmp_path / "stop.ckpt"
    first = train(root, tmp_path, [SaveOnce(checkpoint, "batch", 4)], limits=limits)
    second = train(root, tmp_path, ckpt=checkpoint, limits=limits)
    assert first.seen + second.seen == whole.seen


def test_the_position_counts_finished_batches_without_a_trainer(root):
    data = datamodule(root)
    loader = data.train_dataloader()
    expected = [batch.names for _ in range(2) for batch in loader]
    resumed = datamodule(root)
    taken = list(itertools.islice(resumed.train_dataloader(), 3))
    assert [batch.names for batch in taken] == expected[:3]
    order = {"shuffle": True, "drop_last": True, "pairs": PAIRS, "batches": BATCHES}
    sizes = {"seed": 5, "batch_size": 2, "world_size": 1}
    assert resumed.state_dict() == {"epoch": 0, "batch": 3, **order, **sizes}
    other = datamodule(root)
    other.load_state_dict(resumed.state_dict())
    assert [batch.names for batch in other.train_dataloader()] == expected[3:5]


def test_resuming_with_another_batch_size_warns(root):
    data = datamodule(root)
    with pytest.warns(UserWarning, match="batch_size was 4, is 2"):
        data.load_state_dict({"epoch": 1, "batch": 1, "seed": 5, "batch_size": 4, "world_size": 1})
    assert (data.position.epoch, data.position.start) == (2, 0), "a new epoch"
