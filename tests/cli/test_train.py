"""``asap train``: the run's folder, resuming, multirun. Signals and kills: ``test_resume_cli.py``."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

import small
from asap_lightning.training import read_checkpoint


def weights(run: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return read_checkpoint(run / "checkpoints" / f"{name}.ckpt")["state_dict"]


def runs_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("runs/demo/*") if path.name != "multirun")


def test_a_run_leaves_its_configuration_checkpoints_and_log(trained: Path) -> None:
    for name in (
        "config.yaml",
        ".hydra/overrides.yaml",
        "train.log",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
    ):
        assert (trained / name).is_file(), name
    config = OmegaConf.load(trained / "config.yaml")
    assert config.generator.lowres_width == small.ASAP["lowres_width"] and config.name == "demo"
    assert read_checkpoint(trained / "checkpoints" / "last.ckpt")["global_step"] == 4


def test_auto_s1_is_resolved_from_the_height_and_stored(train, tmp_path: Path) -> None:
    shown = train("generator.s1=auto", "generator.s2=2", "trainer.max_steps=1", "hydra.run.dir=run")
    assert shown.code == 0, shown.err
    entry = read_checkpoint(tmp_path / "run" / "checkpoints" / "last.ckpt")["asap_lightning"]
    assert entry["generator"]["s1"] == 2 and "grid_rows" not in entry["generator"]


def test_same_seed_same_weights_and_another_seed_others(train, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert train("trainer.max_steps=2", f"seed={seed}", f"hydra.run.dir={name}").code == 0
    first, again, other = (weights(tmp_path / name) for name in "abc")
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


def test_resuming_the_newest_run_equals_an_uninterrupted_one(train, tmp_path: Path) -> None:
    assert train("trainer.max_steps=6", "hydra.run.dir=whole").code == 0
    assert train("trainer.max_steps=3").code == 0
    (run,) = runs_of(tmp_path)
    shown = train("trainer.max_steps=6", "ckpt=last")
    assert shown.code == 0, shown.err
    assert runs_of(tmp_path) == [run]
    whole, resumed = weights(tmp_path / "whole"), weights(run)
    assert read_checkpoint(run / "checkpoints" / "last.ckpt")["global_step"] == 6
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_ckpt_last_without_a_run_says_where_it_looked(train, tmp_path: Path) -> None:
    shown = train("ckpt=last")
    assert shown.code == 2
    assert "runs/demo/*/checkpoints/last.ckpt" in shown.err and "ckpt=auto" in shown.err
    assert not (tmp_path / "runs").exists()


def test_ckpt_last_in_a_named_folder(train, tmp_path: Path) -> None:
    shown = train("ckpt=last", "hydra.run.dir=mine")
    assert shown.code == 2 and "mine/checkpoints/last.ckpt" in shown.err
    assert train("trainer.max_steps=1", "hydra.run.dir=mine").code == 0
    assert train("trainer.max_steps=2", "hydra.run.dir=mine", "ckpt=last").code == 0
    assert read_checkpoint(tmp_path / "mine/checkpoints/last.ckpt")["global_step"] == 2


def test_ckpt_auto_starts_and_then_resumes(train, tmp_path: Path) -> None:
    assert train("trainer.max_steps=1", "ckpt=auto").code == 0
    assert train("trainer.max_steps=3", "ckpt=auto").code == 0
    (run,) = runs_of(tmp_path)
    assert read_checkpoint(run / "checkpoints/last.ckpt")["global_step"] == 3


def test_ckpt_file_continues_in_a_new_folder(train, trained: Path, tmp_path: Path) -> None:
    checkpoint = trained / "checkpoints" / "last.ckpt"
    assert train("trainer.max_steps=5", f"ckpt={checkpoint}", "hydra.run.dir=next").code == 0
    assert read_checkpoint(tmp_path / "next/checkpoints/last.ckpt")["global_step"] == 5


def test_ckpt_file_that_is_not_there(train) -> None:
    shown = train("ckpt=nowhere.ckpt")
    assert shown.code == 2 and "ckpt=nowhere.ckpt: there is no such file" in shown.err


def test_multirun_gives_each_job_its_folder(train, tmp_path: Path) -> None:
    shown = train("-m", "generator.mlp_width=8,16", "trainer.max_steps=1")
    assert shown.code == 0, shown.err
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    jobs = [path.parent for path in sweep.glob("*/config.yaml")]
    widths = sorted(OmegaConf.load(job / "config.yaml").generator.mlp_width for job in jobs)
    assert widths == [8, 16]
    assert all((job / "checkpoints" / "last.ckpt").is_file() for job in jobs)


def test_a_multirun_whose_grid_has_changed_resumes_no_other_job(train, tmp_path: Path) -> None:
    assert train("-m", "generator.mlp_width=8,16", "trainer.max_steps=1").code == 0
    shown = train("-m", "generator.mlp_width=4,8", "trainer.max_steps=1", "ckpt=auto")
    assert shown.code == 0, shown.err
    assert "resuming" not in shown.err and shown.err.count("was finished earlier") == 1
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    trained = (read_checkpoint(path)["asap_lightning"] for path in sweep.glob("*/checkpoints/last.ckpt"))
    assert sorted(entry["generator"]["mlp_width"] for entry in trained) == [4, 8, 16]


def test_a_failed_job_of_a_multirun_does_not_stop_the_others(train, tmp_path: Path) -> None:
    shown = train("-m", "generator.s1=3,1", "trainer.max_steps=1")
    assert shown.code == 2
    assert "job 0" in shown.err and "S1 must be a power of two, got 3" in shown.err
    assert "Traceback" not in shown.err
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    (checkpoint,) = sweep.glob("*/checkpoints/last.ckpt")
    assert read_checkpoint(checkpoint)["asap_lightning"]["generator"]["s1"] == 1


def test_multirun_makes_one_finished_wandb_run_a_job(train, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert train("-m", "seed=0,1", "trainer.max_steps=1", "logger=wandb").code == 0
    jobs = list(tmp_path.glob("runs/demo/multirun/*/job_*"))
    assert len(jobs) == 2
    assert all(len(list(job.glob("wandb/offline-run-*/run-*.wandb"))) == 1 for job in jobs)


def test_evaluation_of_all_loggers_in_one_run(train, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    pytest.importorskip("tensorboard")
    assert train("logger=all", "trainer.max_steps=2", "hydra.run.dir=run").code == 0
    run = tmp_path / "run"
    assert list(run.glob("wandb/offline-run-*")) and list(run.glob("tensorboard/events*"))
    assert list(run.glob("csv_logs/version_*/metrics.csv"))
