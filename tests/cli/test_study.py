"""``asap train sweep=pareto``: a study through the program."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from pytorch_lightning import Callback, Trainer

from asap_lightning.reports.sweep_jobs import read_sweep
from asap_lightning.run_folder.names import JOURNAL
from asap_lightning.sweeping.study import COPY_OF

from .test_configs import composed

SMALL = ("generator.s1=1", "generator.lowres_width=8", "generator.mlp_depth=2")
STUDY = (
    *("sweep=pareto", *SMALL, "generator.s2=4,8", "generator.mlp_width=8,16", "hydra.sweeper.cost=flops"),
    *("trainer.max_steps=2", "trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=1"),
)


def states(sweep: Path) -> dict[int, tuple[str, list[float] | None]]:
    """Number -> state and values of the trials that were trained."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(sweep / JOURNAL)))
    trials = optuna.load_study(study_name="study", storage=storage).trials
    return {t.number: (t.state.name, t.values) for t in trials if COPY_OF not in t.user_attrs}


def test_the_search_space_builds_with_the_demos_network() -> None:
    from asap_lightning.condition import ConditionSpec
    from asap_lightning.configuration.assemble import build_network, generator_settings, plain

    params = composed("train", "sweep=pareto", "experiment=demo").hydra.sweeper.params
    assert list(params) == [
        f"generator.{name}" for name in ("s1", "s2", "mlp_width", "mlp_depth", "lowres_width")
    ]
    largest = ("generator.s1=4", "generator.s2=16", "generator.mlp_depth=6", "generator.lowres_width=64")
    config = composed("train", "sweep=pareto", "experiment=demo", *largest)
    settings = generator_settings(plain(config.generator), config.data.height)
    spec = ConditionSpec("label", num_classes=12, has_unknown=True)
    generator = build_network("generator", settings, spec)
    assert config.data.height % generator.size_multiple == 0
    assert config.hydra.sweep.subdir.startswith("job_")


class SendsSigterm(Callback):
    """As a scheduler does, in the first step."""

    def on_train_batch_start(self, trainer: Trainer, *args: object) -> None:
        if trainer.global_step == 0:
            os.kill(os.getpid(), signal.SIGTERM)


def test_an_interrupted_study_goes_on_and_its_jobs_are_a_sweeps(
    train, asap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asap_lightning.commands import train as command

    calls, original = [], command.fit

    def killed_in_the_second(trainer, *args, **kwargs):
        calls.append(kwargs.get("ckpt_path"))
        if len(calls) == 2:
            trainer.callbacks.append(SendsSigterm())
        original(trainer, *args, **kwargs)

    monkeypatch.setattr(command, "fit", killed_in_the_second)
    three = (*STUDY, "hydra.sweeper.trials=3", "ckpt=auto")
    shown = train(*three)
    assert shown.code == 143, shown.err
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    assert [state for state, _ in states(sweep).values()] == ["COMPLETE", "RUNNING"]

    shown = train(*three)
    assert shown.code == 0, shown.err
    assert "trial 1 goes on" in shown.err and "asap report sweep" in shown.err
    assert calls[2] is not None and calls[2].name == "last.ckpt", "at its checkpoint"
    assert list(tmp_path.glob("runs/demo/multirun/*")) == [sweep]
    told = states(sweep)
    assert all(state == "COMPLETE" for state, _ in told.values()) and len(told) >= 3
    jobs = read_sweep(sweep)
    assert len(jobs) == 3 and all(job.status == "finished" for job in jobs)
    for mark in sweep.glob("*/finished.json"):
        content = json.loads(mark.read_text())
        assert told[content["trial"]][1] is not None and told[content["trial"]][1][1] == content["gflops"]

    changed = train(*three, "seed=3")
    assert changed.code == 2 and "was begun with another overrides" in changed.err


def test_a_failed_trial_does_not_stop_the_study(train, tmp_path: Path) -> None:
    shown = train(*STUDY, "generator.s2=4,5", "generator.mlp_width=8", "hydra.sweeper.trials=9")
    assert shown.code == 2 and "S2 must be a power of two" in shown.err
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    assert sorted(state for state, _ in states(sweep).values()) == ["COMPLETE", "FAIL"]


def test_a_poor_trial_is_pruned(train, tmp_path: Path) -> None:
    """Of two models with the same cost, the one that cannot learn ends at its first validation."""
    shown = train(
        *("sweep=pareto", *SMALL, "hydra.sweeper.cost=flops", "generator.s2=4", "generator.mlp_width=8"),
        *("optimizer.generator.lr=0.01,1e-9", "hydra.sweeper.trials=2", "hydra.sweeper.pruner.startup=1"),
        *("trainer.max_steps=12", "trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=3"),
        *("hydra.sweeper.pruner.warmup=6", "loss.l1=100", "hydra.sweeper.seed=1"),
    )
    assert shown.code == 0, shown.err
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    told = states(sweep)
    assert [state for state, _ in told.values()] == ["COMPLETE", "COMPLETE"]
    good, poor = told.values()  # in this order with this seed of the sampler; the first one has no rival
    assert good[1] and poor[1] and good[1][0] > poor[1][0] and good[1][1] == poor[1][1]
    (mark,) = sweep.glob("*/pruned.json")
    assert json.loads(mark.read_text())["step"] == 6
    assert len(list(sweep.glob("*/finished.json"))) == 1
    assert "pruned after 6 updates" in shown.err


@pytest.mark.long
def test_two_workers_share_a_study(train, tmp_path: Path) -> None:
    shown = train(*STUDY, "hydra.sweeper.trials=3", "hydra.sweeper.workers=2")
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    said = "".join(path.read_text() for path in sweep.glob("worker_*.log"))
    assert shown.code == 0, shown.err + said
    told = states(sweep)
    assert len([1 for state, _ in told.values() if state == "COMPLETE"]) >= 3
    assert len(list(sweep.glob("*/finished.json"))) == 3
    assert "2 workers" in shown.err and "none is better" in shown.err


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("hydra.sweeper.sampler=cmaes", "tpe, nsga2, random"),
        (
            "hydra.sweeper.metric=val/beauty",
            "sweeper.metric=val/beauty: which way is better is known of psnr",
        ),
        ("hydra.sweeper.metric=val/beauty:max", "the validation logs val/psnr"),
        ("hydra.sweeper.pruner.name=hyper", "median, halving or none"),
        ("generator.s2=glob(*)", "a study searches"),
    ],
)
def test_mistakes(train, override: str, message: str) -> None:
    shown = train(*STUDY, "generator.s2=4", "generator.mlp_width=8,9", "hydra.sweeper.trials=1", override)
    assert shown.code == 2 and message in shown.err
