"""What `asap evaluate` and `asap evaluate compare` log beside figures, read back from an offline run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from asap_lightning.commands.evaluate import log_report
from asap_lightning.configuration import assemble
from asap_lightning.configuration.compared_log import log_comparison
from asap_lightning.configuration.logged import LoggedRun
from asap_lightning.data.panels import save_png
from asap_lightning.evaluation import EvaluationReport, ImageRow
from asap_lightning.evaluation.comparison import compare_models
from asap_lightning.evaluation.cost.checkpoint import GeneratorCost
from asap_lightning.evaluation.scored import ScoredModel
from asap_lightning.metrics import METRICS, Results
from asap_lightning.reports.scores_page import SCATTER
from asap_lightning.tracking import find_offline_runs, make_wandb_logger, read_offline_run

PICTURE = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")


def read_back(folder: Path) -> Any:
    (found,) = find_offline_runs(folder)
    return read_offline_run(found)


def test_confusions_and_classes(tmp_path: Path) -> None:
    details = {
        "miou": {"iou": {"wall": 0.5, "door": 0.25, "shop": None}},
        "miou_photos": {"iou": {"wall": 1.0}},
    }
    pictures = {"confusion": PICTURE, "confusion_photos": PICTURE}
    results = Results({"psnr": 10.0, "miou": 0.375}, details=details, pictures=pictures)
    logger = make_wandb_logger(tmp_path)
    log_report(LoggedRun("evaluate", [logger]), EvaluationReport([ImageRow("a", {"psnr": 10.0})], results))
    logger.finish()
    run = read_back(tmp_path)
    assert run.summaries["val/miou"] == ["max", "last"] and run.summaries["val/miou_photos"] == ["last"]
    assert run.series("evaluate/iou/door", "_step")[0][1] == 0.25 and "evaluate/iou/shop" not in run.keys
    for name in ("confusion", "confusion_photos"):
        ((file,),) = run.images(f"evaluate/{name}").values()
        assert np.array_equal(np.asarray(Image.open(file)), PICTURE)
    (bars,) = run.tables("evaluate/iou_bars_table").values()
    assert bars.columns == ["class", "iou"] and bars.rows == [["wall", 0.5], ["door", 0.25]]
    (bars,) = run.tables("evaluate/iou_photos_bars_table").values()
    assert bars.rows == [["wall", 1.0]]
    shown = run.config["_wandb"]["visualize"]
    assert {"evaluate/iou_bars", "evaluate/iou_photos_bars"} <= {*shown}


def test_a_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = make_wandb_logger(tmp_path / "run")
    monkeypatch.setattr(assemble, "make_loggers", lambda config: [logger])
    scores = {str(n): {"psnr": float(n)} for n in range(5)}
    models = [ScoredModel(name, tmp_path, 5, {"psnr": 2.0}, scores, {}, {}, {}, None) for name in ("a", "b")]
    costs = [GeneratorCost(1000, latency, (8, 8), "cpu") for latency in (3.0, 4.5)]
    save_png(tmp_path / "front.png", PICTURE)
    log_comparison(
        OmegaConf.create({"logger": {"wandb": {}}}),
        compare_models(models, costs),
        [["case", "image", "a"], ["best 1", "4", PICTURE]],
        {SCATTER: tmp_path / "front.png"},
        METRICS["psnr"],
    )
    run = read_back(tmp_path)
    (table,) = run.tables("compare/scores").values()
    assert table.columns[:4] == ["model", "psnr", "psnr low", "psnr high"]
    assert [row[0] for row in table.rows] == ["a", "b"] and table.rows[0][1] == 2.0
    (table,) = run.tables("compare/cases").values()
    assert table.rows[0][:2] == ["best 1", "4"]
    assert np.array_equal(np.asarray(Image.open(table.rows[0][2])), PICTURE)
    ((file,),) = run.images("compare/speed_and_quality").values()
    assert np.array_equal(np.asarray(Image.open(file)), PICTURE)
    (points,) = run.tables("compare/scatter_table").values()
    assert points.columns == ["model", "latency_ms", "psnr"]
    assert points.rows == [["a", 3.0, 2.0], ["b", 4.5, 2.0]]
