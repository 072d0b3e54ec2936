"""Settings that make no sense: one line, exit code 2, no traceback, and no folder of a run left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

MISTAKES = [
    # Lightning's trainer
    ("+trainer.profiler=simpel", "profiler"),
    ("+trainer.gradient_clip_val=1", "training.clip"),
    ("+trainer.accumulate_grad_batches=2", "training.accumulate"),
    ("+trainer.logger=false", "logger=NAME"),
    ("+trainer.max_time=xx", "trainer"),
    ("+trainer.nothing=1", "nothing"),
    ("trainer.val_check_interval=1000", "trainer.val_check_interval=1000 batches, but an epoch has 4"),
    ("trainer.val_check_interval=0", "trainer.val_check_interval=0"),
    ("trainer.val_check_interval=-3", "val_check_interval"),
    ("trainer.val_check_interval=1.5", "val_check_interval"),
    ("trainer.check_val_every_n_epoch=0", "trainer.check_val_every_n_epoch=0"),
    ("trainer.limit_train_batches=0", "trainer.limit_train_batches=0"),
    ("trainer.strategy=dpp", "dpp"),
    ("trainer.precision=17", "17"),
    ("trainer.accelerator=tpu", "configured under 'trainer'"),
    ("trainer.accelerator=abacus", "abacus"),
    ("trainer.devices=-2", "devices"),
    ("trainer.max_steps=abc", "trainer"),
    ("trainer.max_steps=-5", "max_steps"),
    ("trainer.max_steps=0", "trainer.max_steps=0"),
    ("trainer.max_epochs=0", "trainer.max_epochs=0"),
    # networks
    ("generator.backend=nativ", "nativ"),
    ("generator.mlp_width=0", "generator: "),
    ("generator.mlp_width=-1", "generator: "),
    ("generator.mlp_width=a", "generator: "),
    ("generator.lowres_width=0", "generator: "),
    ("generator.mlp_depth=0", "generator: "),
    ("generator.s2=a", "generator: "),
    ("discriminator.width=-4", "discriminator: "),
    ("loss=l1", "loss and discriminator do not fit"),
    # losses, optimizers, schedule
    ("loss.adversarial=hinged", "loss.adversarial=hinged: a part is expected there"),
    ("loss.perceptual=vgg", "loss.perceptual=vgg: a part is expected there"),
    ("training.schedule=linear", "training.schedule=linear: a part is expected there"),
    ("optimizer.generator=adam", "optimizer.generator=adam: a part is expected there"),
    ("optimizer.generator.lr=-1", "optimizer.generator: "),
    ("optimizer.generator.lr=nan", "optimizer.generator: "),
    ("optimizer.generator.lr=fast", "optimizer.generator: "),
    ("optimizer.discriminator.betas=[2,2]", "optimizer.discriminator: "),
    ("+optimizer.generator.momentun=1", "optimizer.generator: "),
    ("training.ema=2", "training.ema"),
    ("training.clip=-1", "training.clip"),
    ("training.accumulate=0", "training.accumulate"),
    ("training.accumulate=a", "training"),
    ("training.schedule.unit=day", "unit must be"),
    # data
    ("data.batch_size=-1", "data.batch_size=-1"),
    ("data.batch_size=1.5", "data.batch_size=1.5"),
    ("data.batch_size=many", "data.batch_size=many"),
    ("data.num_workers=-1", "data.num_workers=-1"),
    ("data.limit_train=0", "data.limit_train=0"),
    ("data.height=a", "data"),
    ("data.mode=stretch", "stretch"),
    ("data.root=", "data.root= is empty"),
    ("data.root=nowhere", "data.root=nowhere"),
    # the run
    ("checkpoint.every_n_steps=0", "checkpoint: every_n_steps"),
    ("checkpoint.monitor=val/fid", "checkpoint.monitor=val/fid: nothing computes it"),
    ("checkpoint.monitor=val/own", "checkpoint.mode=max or min"),
    ("checkpoint.mode=best", "mode must be"),
    ("seed=abc", "seed=abc"),
    ("seed=-1", "seed=-1"),
    ("ckpt=", "ckpt= is empty"),
    ("initialize=nowhere.ckpt", "nowhere.ckpt"),
    (f"name={'n' * 300}", "at most 255 bytes"),
    ("name=../up", "neither '..'"),
    ("name='a\nb'", "printable"),
    ("name=", "name=''"),
    ("runs=file/below", "file/below"),
    ("hydra.run.dir=file/below", "file/below"),
    ("experimnt=demo", "experiment"),
    ("logger=wandb WANDB_MODE=ofline", "WANDB_MODE=ofline"),
    ("logger=wandb WANDB_MODE=offline logger.wandb.project=a/b", "logger.wandb: "),
    ("logger=wandb logger.wandb.mode=ofline", "logger.wandb.mode"),
    ("callbacks=default +callbacks.diagnostics=all", "callbacks.diagnostics"),
]


@pytest.mark.parametrize(("words", "expected"), MISTAKES, ids=[words[:50] for words, _ in MISTAKES])
def test_a_mistake_is_one_message(train, tmp_path: Path, monkeypatch, words: str, expected: str) -> None:
    (tmp_path / "file").write_text("")
    parts = words.split(" ") if "\n" not in words else [words]
    for part in [part for part in parts if part.startswith("WANDB_MODE")]:
        monkeypatch.setenv(*part.split("="))
        parts.remove(part)
    shown = train("trainer.max_epochs=1", *parts)
    assert shown.code == 2, shown.err
    assert expected in shown.err
    assert "Traceback" not in shown.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"], "no folder of a run is left behind"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_where_there_is_none(train, tmp_path: Path) -> None:
    shown = train("trainer.accelerator=gpu")
    assert shown.code == 2 and "gpu backend" in shown.err and "configured under 'trainer'" in shown.err
    assert "Traceback" not in shown.err and not list(tmp_path.iterdir())


def test_cfg_of_nothing(asap) -> None:
    shown = asap("train", "--cfg", "jobb")
    assert shown.code == 2 and "jobb" in shown.err and "Traceback" not in shown.err
