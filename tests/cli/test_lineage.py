"""Checkpoints as W&B artifacts, from ``asap train`` to what is made from them; offline, read back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asap_lightning.tracking import OfflineRun, find_offline_runs, read_offline_run
from asap_lightning.training import CheckpointWriter


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")


def only_run(folder: Path) -> OfflineRun:
    (found,) = find_offline_runs(folder)
    return read_offline_run(found)


def models(run: OfflineRun) -> list[tuple[str, ...]]:
    return [artifact.aliases for artifact in run.artifacts if artifact.type == "model"]


def test_a_checkpoint_is_followed_from_run_to_run(train, asap, facades: Path, tmp_path: Path) -> None:
    short = ("trainer.max_steps=2", "trainer.log_every_n_steps=1", "logger=wandb")
    shown = train(*short, "hydra.run.dir=first", "callbacks=default", "~callbacks.progress")
    assert shown.code == 0, shown.err
    first = only_run(tmp_path / "first")
    (artifact,) = [artifact for artifact in first.artifacts if artifact.type == "model"]
    name = f"asap-lightning/model-{first.run_id}:step-2"
    assert artifact.name == f"model-{first.run_id}" and artifact.aliases == ("best", "latest", "step-2")
    assert artifact.metadata["step"] == 2 and artifact.metadata["monitor"] == "val/psnr"
    best = tmp_path / "first/checkpoints/best.ckpt"
    assert os.path.samefile(artifact.files["model.ckpt"], best)  # not a copy
    assert first.job_type == "train" and first.keys >= {"grad_norm/generator", "val/table", "val/samples"}

    assert train(*short, "hydra.run.dir=second", f"initialize={best}").code == 0
    second = only_run(tmp_path / "second")
    assert second.config["inputs"] == {"initialize": {"file": str(best), "artifact": name}}

    assert asap("evaluate", f"ckpt={best}", "logger=wandb", "hydra.run.dir=third").code == 0
    third = only_run(tmp_path / "third")
    assert third.job_type == "evaluate" and third.exit_code == 0
    assert third.config["inputs"]["evaluate"]["artifact"] == name
    assert third.summary["evaluate/images"] == 1 and third.summary["evaluate/psnr"] > 0

    words = (f"input={facades}/base/cmp_b0001.png", "output=out", "logger=wandb", "hydra.run.dir=fourth")
    shown = asap("predict", f"ckpt={best}", *words)
    assert shown.code == 0, shown.err
    fourth = only_run(tmp_path / "fourth")
    assert fourth.job_type == "predict" and fourth.config["inputs"]["predict"]["artifact"] == name
    assert fourth.summary["predict/images"] == 1 and fourth.summary["predict/failed"] == 0


def test_every_checkpoint_or_none(train, tmp_path: Path) -> None:
    short = ("trainer.max_steps=4", "checkpoint.every_n_steps=2", "logger=wandb")
    assert train(*short, "logger.wandb.log_checkpoints=all", "hydra.run.dir=every").code == 0
    run = only_run(tmp_path / "every")
    logged = models(run)
    assert ("latest", "step-2") in logged and ("best", "latest", "step-4") in logged
    contents = {path.read_bytes() for a in run.artifacts for path in a.files.values()}
    assert len(contents) == len(logged)  # a snapshot of each, though last.ckpt was overwritten

    assert train(*short, "logger.wandb.log_checkpoints=false", "hydra.run.dir=none").code == 0
    assert models(only_run(tmp_path / "none")) == []


def test_an_interrupted_training_logs_its_last_checkpoint(train, tmp_path: Path) -> None:
    shown = train("trainer.max_steps=2", "checkpoint.monitor=null", "logger=wandb", "hydra.run.dir=run")
    assert shown.code == 0, shown.err
    assert models(only_run(tmp_path / "run")) == [("latest", "step-2")]


def test_a_best_checkpoint_of_before_a_resume_is_logged_once(
    train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        "hydra.run.dir=run",
        "logger=wandb",
        "checkpoint.mode=min",
    )  # the first validation stays the best
    assert train("trainer.max_steps=4", "trainer.max_epochs=1", *words, "logger=none").code == 0
    for steps, expected in ((6, [("best", "latest", "step-4")]), (7, [])):
        known = set(find_offline_runs(tmp_path))
        monkeypatch.setattr(CheckpointWriter, "on_validation_end", lambda *arguments: None)
        shown = train(*words, "ckpt=last", f"trainer.max_steps={steps}", "trainer.max_epochs=-1")
        assert shown.code == 0, shown.err
        (new,) = set(find_offline_runs(tmp_path)) - known
        assert models(read_offline_run(new)) == expected


def test_a_changed_file_is_no_artifact_any_more(trained: Path, tmp_path: Path) -> None:
    from asap_lightning.tracking.artifacts import known_artifact, remember_artifact

    file = tmp_path / "best.ckpt"
    file.write_bytes(b"one")
    assert known_artifact(file) is None
    remember_artifact(file, "us/p/model-a:step-1")
    assert known_artifact(file) == "us/p/model-a:step-1"
    file.write_bytes(b"other")
    assert known_artifact(file) is None
    (tmp_path / "artifacts.json").write_text("{")
    assert known_artifact(file) is None


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
def test_an_artifact_that_cannot_be_had_is_a_users_mistake(
    asap, train, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    reference = "ckpt=wandb:us/facades/model-1a2b:best"
    words = ("input=in", "output=out") if command == "predict" else ()
    shown = train(reference) if command == "train" else asap(command, reference, *words)
    assert shown.code == 2 and "there is no W&B API key" in shown.err and "Traceback" not in shown.err
