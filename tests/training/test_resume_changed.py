"""A run that is resumed with other settings: where it goes on, and what it takes from the checkpoint."""

from __future__ import annotations

import logging
from functools import partial

import pytest
import torch

import small
from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts import SpadeFolders
from asap_lightning.losses import TranslationObjective
from asap_lightning.training import CheckpointWriter, TranslationModule, make_trainer, read_checkpoint
from asap_lightning.training.resumed_state import keep_settings_over_loads
from trees import Trees

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*smaller than the logging interval"),
    pytest.mark.filterwarnings("ignore:.*your dataloader is not resumable"),
    pytest.mark.filterwarnings("ignore:.*will duplicate"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
]
PAIRS = 12


class Seen(TranslationModule):
    """Notes epoch, number and pairs of every batch."""

    def training_step(self, batch, batch_idx):
        self.seen.append((self.current_epoch, batch_idx, len(batch.names)))
        return super().training_step(batch, batch_idx)


def run(root, folder, *, ckpt=None, adam=None, ema=None, accumulate=1, limits=None, **data):
    """Trains; returns what was seen, the module, and the trainer."""
    torch.manual_seed(0)
    options = {"batch_size": 2, "seed": 5, **data}
    source = PairedDataModule(root, partial(SpadeFolders, num_classes=3), 8, 8, **options)
    module = Seen(
        small.asap_generator(source.spec), None, TranslationObjective(None, l1=1),
        generator_optimizer=adam or partial(torch.optim.Adam, lr=1e-3), ema=ema, accumulate=accumulate,
    )  # fmt: skip
    module.seen = []
    trainer = make_trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[CheckpointWriter(folder, every_n_steps=1, monitor=None, keep_every_n_steps=1)],
        num_sanity_val_steps=0, **(limits or {"max_epochs": 3}),
    )  # fmt: skip
    trainer.fit(module, datamodule=source, ckpt_path=ckpt, weights_only=True)
    return module, trainer


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return Trees(tmp_path_factory.mktemp("trees")).spade(count=PAIRS)


@pytest.fixture(scope="module")
def stopped(root, tmp_path_factory):
    """Checkpoints of an epoch of six batches."""
    folder = tmp_path_factory.mktemp("stopped")
    run(root, folder, limits={"max_epochs": 1})
    return folder


CHANGES = [
    {"batch_size": 4},
    {"batch_size": 1},
    {"limit_train": 6},
    {"limit_train": 4},
    {"seed": 6},
    {"shuffle": False},
    {"accumulate": 2},
    {"limits": {"limit_train_batches": 3}},
]
BY_EPOCHS, BY_STEPS = {"max_epochs": 3}, {"max_epochs": -1, "max_steps": 11}


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("limits", [BY_EPOCHS, BY_STEPS], ids=["epochs", "steps"])
def test_in_the_middle_of_an_epoch_of_other_batches_the_next_epoch_starts(
    root, stopped, tmp_path, caplog, change, limits
):
    change = {**change, "limits": {**limits, **change.get("limits", {})}}
    with caplog.at_level(logging.INFO):
        module, trainer = run(root, tmp_path / "next", ckpt=stopped / "step_00000004.ckpt", **change)
    expect_whole_epochs(module, trainer, first=1, done=4)
    (line,) = [record.message for record in caplog.records if "batches of an epoch" in record.message]
    assert "the rest of the epoch is left out" in line and "number 1" in line


@pytest.mark.parametrize("change", CHANGES[:3], ids=str)
@pytest.mark.parametrize("limits", [BY_EPOCHS, BY_STEPS], ids=["epochs", "steps"])
def test_at_the_end_of_an_epoch_the_next_one_is_counted_right(root, stopped, tmp_path, change, limits):
    change = {**change, "limits": {**limits, **change.get("limits", {})}}
    module, trainer = run(root, tmp_path / "next", ckpt=stopped / "step_00000006.ckpt", **change)
    expect_whole_epochs(module, trainer, first=1, done=6)


def expect_whole_epochs(module, trainer, *, first, done):
    """Every epoch from ``first`` on was run from its first batch to its last; updates are counted on."""
    batches = trainer.num_training_batches
    epochs = {epoch for epoch, _, _ in module.seen}
    assert min(epochs) == first
    expected = [(epoch, number) for epoch in sorted(epochs) for number in range(batches)]
    assert [(epoch, number) for epoch, number, _ in module.seen] == expected[: len(module.seen)]
    updates = -(-batches // module.accumulate)
    if trainer.max_steps == -1:
        assert epochs == {1, 2} and trainer.global_step == done + 2 * updates and trainer.current_epoch == 3
    else:
        assert trainer.global_step == trainer.max_steps


def test_a_resume_from_such_a_resume_is_exact(root, stopped, tmp_path):
    whole, _ = run(root, tmp_path / "whole", ckpt=stopped / "step_00000004.ckpt", batch_size=3)
    again, _ = run(root, tmp_path / "again", ckpt=tmp_path / "whole/step_00000006.ckpt", batch_size=3)
    assert again.seen == whole.seen[2:]
    ours, theirs = (
        read_checkpoint(tmp_path / name / "last.ckpt")["state_dict"] for name in ("again", "whole")
    )
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_checkpoint_of_an_earlier_version_knows_less_and_resumes_too(root, stopped, tmp_path):
    file = read_checkpoint(stopped / "step_00000004.ckpt")
    position = file["PairedDataModule"]
    for name in ("pairs", "batches", "shuffle", "drop_last"):
        del position[name]
    torch.save(file, tmp_path / "old.ckpt")
    module, _ = run(root, tmp_path / "same", ckpt=tmp_path / "old.ckpt", limits={"max_epochs": 1})
    assert [number for _, number, _ in module.seen] == [4, 5]
    module, trainer = run(root, tmp_path / "fewer", ckpt=tmp_path / "old.ckpt", limit_train=6)
    expect_whole_epochs(module, trainer, first=1, done=4)


def test_every_hyper_parameter_is_the_commands_and_the_moments_are_the_checkpoints(root, stopped, tmp_path):
    other = partial(torch.optim.Adam, lr=5e-4, betas=(0.3, 0.7), eps=1e-5, weight_decay=0.1)
    _, trainer = run(root, tmp_path / "next", ckpt=stopped / "step_00000004.ckpt", adam=other,
                     limits={"max_steps": 5, "max_epochs": -1})  # fmt: skip
    group = trainer.optimizers[0].param_groups[0]
    assert [group[name] for name in ("lr", "betas", "eps", "weight_decay")] == [5e-4, (0.3, 0.7), 1e-5, 0.1]
    assert {float(state["step"]) for state in trainer.optimizers[0].state.values()} == {5.0}


@pytest.mark.parametrize(
    "other",
    [partial(torch.optim.SGD, lr=1e-3, momentum=0.9), partial(torch.optim.Adam, amsgrad=True)],
    ids=str,
)
def test_moments_of_another_kind_begin_anew(root, stopped, tmp_path, caplog, other):
    with caplog.at_level(logging.INFO):
        run(root, tmp_path / "next", ckpt=stopped / "step_00000004.ckpt", adam=other)
    assert "they begin anew" in caplog.text


def test_an_optimizer_alone_keeps_its_settings():
    weight = torch.nn.Parameter(torch.ones(2))
    first = keep_settings_over_loads(torch.optim.Adam([weight], lr=0.1, betas=(0.5, 0.6)))
    weight.grad = torch.ones(2)
    first.step()
    second = keep_settings_over_loads(torch.optim.Adam([weight], lr=0.2))
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == 0.2 and second.param_groups[0]["betas"] == (0.9, 0.999)
    assert torch.equal(second.state[weight]["exp_avg"], first.state[weight]["exp_avg"])


@pytest.mark.parametrize(("before", "now"), [(None, 0.9), (0.9, None), (0.9, 0.5)])
def test_an_average_begins_ends_or_changes_its_decay(root, tmp_path, before, now):
    limits = {"max_steps": 2, "max_epochs": -1}
    run(root, tmp_path / "first", ema=before, limits=limits)
    start = read_checkpoint(tmp_path / "first/last.ckpt")["state_dict"]
    run(root, tmp_path / "next", ema=now, ckpt=tmp_path / "first/last.ckpt",
        limits={**limits, "max_steps": 3})  # fmt: skip
    end = read_checkpoint(tmp_path / "next/last.ckpt")["state_dict"]
    averaged = [name for name in end if name.startswith("ema_generator.module.")]
    assert bool(averaged) == (now is not None)
    for name in averaged:
        own = "generator." + name.removeprefix("ema_generator.module.")
        old = start.get(name, start[own])
        assert torch.allclose(end[name], now * old + (1 - now) * end[own], atol=1e-6)
