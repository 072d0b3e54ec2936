"""Sweeps: their jobs, going on after an interruption, and their report."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import small
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.metrics import metric_named
from asap_lightning.reports.sweep_jobs import SweepJob, pareto_front, read_sweep
from asap_lightning.run_folder.marks import is_finished, job_key, mark_finished
from asap_lightning.training import read_checkpoint

from .test_configs import composed

GRIDS = sorted(path.stem for path in (conf_dir() / "sweep").glob("*.yaml") if path.stem != "pareto")


@pytest.mark.parametrize("sweep", GRIDS)
def test_every_job_of_a_sweep_composes_and_builds_its_generator(sweep: str) -> None:
    """With the network and size that the head of the file names: mostly the demo's, which are small."""
    from itertools import product

    from asap_lightning.condition import ConditionSpec
    from asap_lightning.configuration.assemble import build_network, generator_settings, plain

    text = (conf_dir() / "sweep" / f"{sweep}.yaml").read_text(encoding="utf-8")
    assert f"# Command:   asap train sweep={sweep} " in text
    named = re.search(rf"asap train sweep={sweep} (experiment=\w+)", text)
    assert named is not None
    experiment = named[1]
    base = composed("train", f"sweep={sweep}", experiment)
    grid = [[f"{key}={value}" for value in str(values).split(",")] for key, values in
            base.hydra.sweeper.params.items()]  # fmt: skip
    jobs = list(product(*grid))
    assert f"# Jobs:      {len(jobs)}\n" in text
    folders = set()
    for overrides in jobs:
        config = composed("train", f"sweep={sweep}", experiment, *overrides)
        folders.add(config.hydra.sweep.subdir)
        settings = generator_settings(plain(config.generator), config.data.height)
        generator = build_network("generator", settings, ConditionSpec.from_dict(
            {"kind": "label", "num_classes": 12, "has_unknown": True}))  # fmt: skip
        assert config.data.height % generator.size_multiple == 0
    assert len(folders) == len(jobs)


def test_a_job_keeps_its_folder_when_the_grid_changes_and_when_it_resumes() -> None:
    base = ("sweep=mlp_width", "generator.mlp_width=32")
    folder = composed("train", *base).hydra.sweep.subdir
    assert composed("train", *base, "ckpt=auto").hydra.sweep.subdir == folder
    assert composed("train", *base, "hydra.job.num=7").hydra.sweep.subdir == folder
    assert composed("train", *base, "seed=1").hydra.sweep.subdir != folder


def test_the_mark_holds_for_this_job_alone(tmp_path: Path) -> None:
    config = {"seed": 1, "ckpt": None, "logger": {"folder": str(tmp_path)}}
    assert not is_finished(tmp_path, config)
    mark_finished(tmp_path, config, 5)
    assert is_finished(tmp_path, {**config, "ckpt": "auto"})
    assert not is_finished(tmp_path, {**config, "seed": 2})
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(tmp_path / "finished.json", moved)
    assert is_finished(moved, {**config, "logger": {"folder": str(moved)}})
    (tmp_path / "finished.json").write_text("{")
    assert not is_finished(tmp_path, config)
    assert job_key({"a": 1, "b": 2}) == job_key({"b": 2, "a": 1})


METRICS = "+callbacks.metrics_csv._target_=asap_lightning.training.callbacks.MetricsCsv"
OWN = """\
# @package _global_
hydra:
  mode: MULTIRUN
  sweeper:
    params:
      {}
"""


@pytest.fixture
def own_sweep(tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """Writes a sweep of one's own; returns what names it on the command line."""

    def write(**grid: str) -> tuple[str, ...]:
        file = tmp_path / "conf" / "sweep" / "own.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"generator.{key}: {values}" for key, values in grid.items()]
        file.write_text(OWN.format("\n      ".join(lines)))
        return ("--config-dir", str(tmp_path / "conf"), "sweep=own")

    return write


def jobs_of(sweep: Path) -> dict[tuple[int, int], Path]:
    return {(job.settings["generator.s2"], job.settings["generator.mlp_depth"]): job.folder
            for job in read_sweep(sweep)}  # fmt: skip


def test_an_interrupted_sweep_goes_on_and_is_reported(
    asap, facades, own_sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asap_lightning.commands import train as command

    # a value of the command line would stand in the sweep's place
    swept = ("generator.s2=", "generator.mlp_depth=")
    of_every_job = [word for word in small.TRAIN if not word.startswith(swept)]
    sweep_of_four = (
        *("train", *of_every_job, f"data.root={facades}"),
        *own_sweep(s2="4,8", mlp_depth="2,3"),
        *(METRICS, "trainer.max_steps=2", "trainer.log_every_n_steps=1", "ckpt=auto"),
    )

    calls, original = [], command.fit

    def interrupted_in_the_third_job(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        original(*args, **kwargs)

    monkeypatch.setattr(command, "fit", interrupted_in_the_third_job)
    assert asap(*sweep_of_four).code == 130
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    finished = {path.parent for path in sweep.glob("*/finished.json")}
    assert len(finished) == 2
    stamps = {path: (path / "checkpoints/last.ckpt").stat().st_mtime_ns for path in finished}

    shown = asap(*sweep_of_four)
    assert shown.code == 0, shown.err
    assert shown.err.count("was finished earlier") == 2 and len(calls) == 5
    assert list(tmp_path.glob("runs/demo/multirun/*")) == [sweep]
    jobs = jobs_of(sweep)
    assert sorted(jobs) == [(4, 2), (4, 3), (8, 2), (8, 3)]
    assert all((path / "checkpoints/last.ckpt").stat().st_mtime_ns == stamps[path] for path in finished)
    for (s2, depth), folder in jobs.items():
        checkpoint = read_checkpoint(folder / "checkpoints/last.ckpt")
        settings = checkpoint["asap_lightning"]["generator"]
        assert (settings["s2"], settings["mlp_depth"], checkpoint["global_step"]) == (s2, depth, 2)
        assert json.loads((folder / "finished.json").read_text())["step"] == 2

    report = asap("report", "sweep", sweep, "--repeats", 2, "--out", tmp_path / "out")
    assert report.code == 0, report.err
    assert "mlp_depth" in report.out and report.out.count("finished") == 4
    with open(tmp_path / "out/sweep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["generator.s2"], row["generator.mlp_depth"]) for row in rows] == [
        ("4", "2"), ("4", "3"), ("8", "2"), ("8", "3")]  # fmt: skip
    assert all(float(row["latency_ms"]) > 0 and 0 < float(row["psnr"]) < 40 for row in rows)
    assert int(rows[1]["parameters"]) > int(rows[0]["parameters"])
    assert any(row["pareto"] == "1" for row in rows)
    for name in ("sweep_latency.png", "sweep_parallel.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "out" / "sweep.html").read_text(encoding="utf-8")
    assert all(f'data-job="{row["folder"]}"' in page for row in rows)

    unmeasured = asap("report", "sweep", sweep, "--repeats", 0, "--metric", "ssim")
    assert unmeasured.code == 0 and "sweep_latency.png" not in unmeasured.out
    wrong = asap("report", "sweep", sweep, "--metric", "beauty", "--repeats", 0)
    assert wrong.code == 2 and "psnr" in wrong.err


def test_a_failed_job_does_not_stop_the_sweep_and_shows_in_the_report(
    train, asap, own_sweep, tmp_path: Path
) -> None:
    shown = train(*own_sweep(phi_mode="wavy,nearest"), "trainer.max_steps=1")
    assert shown.code == 2 and "wavy" in shown.err
    (sweep,) = tmp_path.glob("runs/demo/multirun/*")
    assert {job.settings["generator.phi_mode"]: job.status for job in read_sweep(sweep)} == {
        "nearest": "finished",
        "wavy": "failed",
    }
    report = asap("report", "sweep", sweep)
    assert report.code == 0 and "failed" in report.out and "nothing to draw" in report.out


def test_a_folder_that_is_no_sweep(asap, tmp_path: Path) -> None:
    shown = asap("report", "sweep", tmp_path)
    assert shown.code == 2 and "is not the folder of a sweep" in shown.err


def job(latency: float | None, **metrics: float) -> SweepJob:
    return SweepJob(Path("."), {}, "finished", metrics=metrics, latency_ms=latency)


def test_pareto_front() -> None:
    slow_best, fast_worst = job(9.0, psnr=20.0), job(1.0, psnr=10.0)
    middle, beaten, as_fast_but_worse = job(3.0, psnr=15.0), job(4.0, psnr=12.0), job(3.0, psnr=14.0)
    unmeasured, unknown = job(None, psnr=30.0), job(0.5, psnr=float("nan"))
    jobs = [slow_best, beaten, as_fast_but_worse, middle, unmeasured, fast_worst, unknown]
    assert pareto_front(jobs, metric_named("psnr")) == [fast_worst, middle, slow_best]
    low, high = job(1.0, fid=50.0), job(2.0, fid=80.0)
    assert pareto_front([high, low], metric_named("fid")) == [low], "of a distance the smaller is the better"
