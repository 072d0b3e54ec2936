"""Final table, learning curves, resolved config, throughput."""

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import CSVLogger
from rich.console import Console

from asap_lightning.run_folder.history import MetricHistory
from asap_lightning.training.callbacks import (
    FinalTable,
    LearningCurves,
    MetricsCsv,
    ResolvedConfig,
    SampleGrid,
    Throughput,
    draw_curves,
)
from asap_lightning.training.callbacks.final_table import metrics_table
from asap_lightning.training.callbacks.learning_curves import _smoothed
from asap_lightning.training.checkpoint_writer import CheckpointWriter

Fit = Callable[..., Trainer]


def final_table() -> tuple[FinalTable, io.StringIO]:
    text = io.StringIO()
    return FinalTable(console=Console(file=text, width=100, color_system=None)), text


def test_the_last_words_say_what_was_reached_and_where_everything_is(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table, text = final_table()
    callbacks = [SampleGrid(), MetricsCsv(), LearningCurves(), ResolvedConfig({"seed": 1}), table]
    writer = CheckpointWriter(tmp_path / "checkpoints")
    fit(*callbacks, writer, logger=CSVLogger(tmp_path, name="csv"), enable_checkpointing=True, max_steps=12)
    shown = text.getvalue()
    places = dict(
        line.split("  ", 1) for line in shown.splitlines() if "  " in line and not line.startswith(("┃", "│"))
    )
    places = {name.strip(): place.strip() for name, place in places.items() if place.strip()}
    assert places == {
        "run folder": ".",
        "best checkpoint": "checkpoints/best.ckpt",
        "last checkpoint": "checkpoints/last.ckpt",
        "sample grid": "samples/latest.png",
        "metrics": "metrics.csv",
        "learning curves": "curves.png",
        "config": "config.yaml",
        "CSV log": str(tmp_path / "csv" / "version_0"),
    }
    history = MetricHistory(tmp_path / "metrics.csv")
    first, last = (history.series("val/psnr")[1][i] for i in (0, -1))
    psnr = next(line for line in shown.splitlines() if line.startswith("│ psnr"))
    assert psnr.split()[3:-1] == f"{first:.4g} @ 4 │ {last:.4g} @ 12 │ {last:.4g} @ 12".split()


def test_best_is_by_the_direction_of_the_metric(tmp_path: Path) -> None:
    history = MetricHistory(tmp_path / "metrics.csv")
    for step, (psnr, l1) in enumerate([(10.0, 0.3), (30.0, 0.1), (20.0, 0.2)]):
        history.add(step, {"val/psnr": psnr, "val/l1": l1, "val/new": psnr, "loss_g/total": 1.0})
    table = metrics_table(history)
    assert table is not None
    rows = [list(cells) for cells in zip(*(column.cells for column in table.columns), strict=True)]
    assert rows == [
        ["psnr", "10 @ 0", "30 @ 1", "20 @ 2"],
        ["l1", "0.3 @ 0", "0.1 @ 1", "0.2 @ 2"],
        ["new", "10 @ 0", "-", "20 @ 2"],
    ], "of an undeclared metric none is the best"


def test_an_interrupted_training_says_where_it_was(fit: Fit, tiny_module: Any) -> None:
    table, text = final_table()
    original = tiny_module.training_step

    def stop_at_third(batch: Any, batch_idx: int) -> Any:
        if tiny_module.global_step == 3:
            raise RuntimeError("out of memory")
        return original(batch, batch_idx)

    tiny_module.training_step = stop_at_third
    with pytest.raises(RuntimeError, match="out of memory"):
        fit(table)
    assert "stopped at step 3 (RuntimeError)" in text.getvalue() and "run folder" in text.getvalue()


def test_curves_are_drawn_from_the_table(fit: Fit, tmp_path: Path) -> None:
    fit(MetricsCsv(), LearningCurves(), max_steps=9)
    picture = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB"))
    assert picture.shape[0] > 300 and picture.shape[1] > 1000
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50  # axes, text and coloured lines


def test_which_columns_are_drawn(tmp_path: Path) -> None:
    history = MetricHistory(tmp_path / "metrics.csv")
    assert draw_curves(history, tmp_path / "empty.png") == []
    assert not (tmp_path / "empty.png").exists()
    for step in range(150):
        history.add(step, {"loss_g/l1": 1 / (step + 1), "loss_g/total": 1.0, "other": 2.0})
    history.add(150, {"val/psnr": 20.0})
    drawn = draw_curves(history, tmp_path / "curves.png")
    assert drawn == ["loss_g/l1", "loss_g/total", "val/psnr"]


def test_the_curves_stand_three_in_a_row(tmp_path: Path) -> None:
    history = MetricHistory(tmp_path / "metrics.csv")
    panels = [(name, name) for name in "abcd"]
    for step in range(2):
        history.add(step, dict.fromkeys("abcd", 1.0))
    sizes = []
    for count in (3, 4):
        draw_curves(history, tmp_path / "curves.png", panels[:count])
        with Image.open(tmp_path / "curves.png") as picture:
            sizes.append(picture.size)
    assert sizes[1] == (sizes[0][0], 2 * sizes[0][1])


def test_smoothing_keeps_the_mean_and_passes_over_nan() -> None:
    assert _smoothed([2.0] * 200) == pytest.approx([2.0] * 200)
    smooth = _smoothed([1.0, float("nan"), *[3.0] * 500])
    assert smooth[:2] == [1.0, 1.0] and smooth[-1] == pytest.approx(3.0, abs=1e-3)


def test_the_config_of_the_start_is_kept_over_a_resume(fit: Fit, tmp_path: Path) -> None:
    config = {"generator": {"s2": 16, "norm": None}, "name": "Häuser"}
    files = {"enable_checkpointing": True}
    fit(ResolvedConfig(config), CheckpointWriter(tmp_path / "c", every_n_steps=3), **files, max_steps=3)
    assert yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8")) == config
    resumed = {"ckpt_path": tmp_path / "c" / "last.ckpt", **files}
    fit(ResolvedConfig(config), CheckpointWriter(tmp_path / "c"), **resumed, max_steps=6)
    assert not list(tmp_path.glob("config_from*"))
    other = config | {"name": "b"}
    fit(ResolvedConfig(other), CheckpointWriter(tmp_path / "c"), **resumed, max_steps=9)
    assert yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8")) == config
    assert yaml.safe_load((tmp_path / "config_from_step_6.yaml").read_text()) == other


def test_throughput_counts_images_over_training_time(
    fit: Fit, tiny_module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr("asap_lightning.training.callbacks.throughput.time", clock)
    original, validate = tiny_module.training_step, tiny_module.validation_step

    def slow_step(batch: Any, batch_idx: int) -> Any:
        clock.now += 0.05
        return original(batch, batch_idx)

    def slow_validation(batch: Any, batch_idx: int) -> Any:
        clock.now += 0.2  # must not count
        return validate(batch, batch_idx)

    tiny_module.training_step, tiny_module.validation_step = slow_step, slow_validation
    fit(Throughput(), MetricsCsv(), max_steps=8)
    speeds = MetricHistory(tmp_path / "metrics.csv").series("speed/images_per_second")[1]
    assert speeds == pytest.approx([40] * 4)  # 2 images in 0.05 s
