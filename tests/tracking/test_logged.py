"""What a training logs beside its losses, read back from each logger's files."""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from asap_lightning.tracking import find_offline_runs, make_mlflow_logger, make_wandb_logger, read_offline_run
from asap_lightning.tracking.provenance import code_state
from asap_lightning.training import TranslationModule

Track = Callable[..., Any]
SCALARS = (
    "loss_g/total",
    "loss_d/total",
    "lr/generator",
    "lr/discriminator",
    "speed/images_per_second",
    "grad_norm/generator",
    "grad_norm/discriminator",
    "discriminator/fake_mean",
    "discriminator/real_mean",
)


def only_run(folder: Path) -> Any:
    (found,) = find_offline_runs(folder)
    return read_offline_run(found)


def test_wandb(track: Track, tmp_path: Path) -> None:
    track(make_wandb_logger(tmp_path), tmp_path)
    run = only_run(tmp_path)
    for key in SCALARS:
        series = run.series(key)
        assert [step for step, _ in series] == [2, 4, 6, 8] and all(math.isfinite(v) for _, v in series), key
    for name in ("fake", "real"):
        drawn = run.histograms(f"discriminator/{name}")
        assert list(drawn) == [4, 8]
        for step, (counts, edges) in drawn.items():
            assert len(counts) == 8 and len(edges) == 9
            mean = dict(run.series(f"discriminator/{name}_mean"))[step]
            assert edges[0] <= mean <= edges[-1]
    assert run.summaries["val/psnr"] == ["max", "last"] and run.summaries["val/l1"] == ["min", "last"]
    assert run.config["code"]["version"] and run.config["environment"]["torch"] == torch.__version__
    assert run.config["code"]["git_commit"] == code_state().commit
    assert run.commit in ("", code_state().commit)
    if code_state().patch:
        assert (run.folder / "files" / "code.patch").read_text(encoding="utf-8") == code_state().patch


def test_a_table_holds_the_same_samples_every_time(track: Track, tmp_path: Path) -> None:
    trainer = track(make_wandb_logger(tmp_path), tmp_path)
    tables = only_run(tmp_path).tables("val/table")
    assert list(tables) == [4, 8]
    for step, table in tables.items():
        assert table.columns == ["step", "name", "label", "generated", "photo", "psnr", "ssim", "l1"]
        assert [row[:2] for row in table.rows] == [[step, "b0_0"], [step, "b0_1"], [step, "b1_0"]]
        for row in table.rows:
            assert all(np.asarray(Image.open(cell)).shape == (8, 8, 3) for cell in row[2:5])
            assert all(cell.is_relative_to(tmp_path) for cell in row[2:5])  # sync finds them with the run
    first, last = tables[4].rows, tables[8].rows
    assert Path(first[0][4]).read_bytes() == Path(last[0][4]).read_bytes()  # the photo
    assert first[0][5] != last[0][5]
    assert trainer.global_step == 8


def test_gradient_norms_are_those_of_all_parameters(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, float]] = []

    def spy(self: Any, optimizer: Any) -> None:
        squares = [float(p.grad.square().sum()) for g in optimizer.param_groups for p in g["params"]]
        seen.append((id(optimizer), math.sqrt(sum(squares))))

    monkeypatch.setattr(TranslationModule, "on_before_optimizer_step", spy)
    track(make_wandb_logger(tmp_path), tmp_path, max_steps=4)
    run = only_run(tmp_path)
    for position, name in enumerate(("generator", "discriminator")):
        norms = [norm for _, norm in seen[position::2]]
        logged = [value for _, value in run.series(f"grad_norm/{name}")]
        assert logged == pytest.approx([norms[1], norms[3]], rel=1e-5)


def test_nothing_is_watched_between_logging_steps(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[bool] = []
    original = TranslationModule._update_discriminator

    def spy(self: Any, *arguments: Any) -> Any:
        watched.append(self.on_judged is not None)
        return original(self, *arguments)

    monkeypatch.setattr(TranslationModule, "_update_discriminator", spy)
    track(make_wandb_logger(tmp_path), tmp_path, max_steps=4)
    assert watched == [False, True, False, True]


def test_csv(track: Track, tmp_path: Path) -> None:
    track(CSVLogger(tmp_path, name="csv", version=""), tmp_path)
    with open(tmp_path / "csv" / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for key in SCALARS:
        assert [int(row["step"]) for row in rows if row[key]] == [2, 4, 6, 8], key
    assert [int(row["step"]) for row in rows if row["val/psnr"]] == [4, 8]


def test_tensorboard(track: Track, tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    track(TensorBoardLogger(tmp_path, name="tb", version=""), tmp_path)
    events = event_accumulator.EventAccumulator(
        str(tmp_path / "tb"), size_guidance={"histograms": 0}
    ).Reload()
    for key in SCALARS:
        assert [event.step for event in events.Scalars(key)] == [2, 4, 6, 8], key
    drawn = events.Histograms("discriminator/fake")
    assert [event.step for event in drawn] == [4, 8]
    (mean,) = [event.value for event in events.Scalars("discriminator/fake_mean") if event.step == 8]
    assert drawn[1].histogram_value.sum / drawn[1].histogram_value.num == pytest.approx(mean, rel=1e-4)
    assert "val/samples/0" in events.Tags()["images"]


def test_mlflow(track: Track, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    def logger() -> Any:
        config = {"generator": {"s1": 2}}
        return make_mlflow_logger(
            tmp_path / "a", "tests", store=tmp_path / "mlflow", tags={"k": "v"}, config=config
        )

    track(logger(), tmp_path / "a", max_steps=4)
    track(logger(), tmp_path / "a", ckpt_path=tmp_path / "a" / "checkpoints" / "last.ckpt")
    client = MlflowClient((tmp_path / "mlflow").as_uri())
    (experiment,) = [e for e in client.search_experiments() if e.name == "tests"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.data.tags["k"] == "v"
    assert run.data.params["generator/s1"] == "2"
    assert run.info.run_name == f"{tmp_path.name}/a"
    for key in SCALARS:
        found = client.get_metric_history(run.info.run_id, key)
        assert sorted({metric.step for metric in found}) == [2, 4, 6, 8], key
    assert [f.path for f in client.list_artifacts(run.info.run_id)] == ["images"]
    pictures = [f.path for f in client.list_artifacts(run.info.run_id, "images") if f.path.endswith(".png")]
    assert len(pictures) == 4  # two samples at two validations


def test_an_interrupted_mlflow_run_is_killed_a_failed_one_failed(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    for code, status in ((143, "KILLED"), (1, "FAILED")):
        logger = make_mlflow_logger(tmp_path / str(code), "tests", store=tmp_path / "mlflow")
        run_id = logger.run_id
        logger.finish(exit_code=code)
        assert logger.experiment.get_run(run_id).info.status == status
