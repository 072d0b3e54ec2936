"""``asap evaluate compare``: checkpoints and evaluations in one table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.commands.evaluate_compare import given_names
from asap_lightning.errors import UserError


def test_two_checkpoints_and_an_evaluation(asap, trained: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "net.ckpt", tmp_path / "b" / "net.ckpt"
    for path in (first, second):
        path.parent.mkdir()
        shutil.copy(trained / "checkpoints" / "last.ckpt", path)
    common = ("split=train", "repeats=1", "draws=200", "device=cpu")
    shown = asap("evaluate", "compare", first, second, *common, "output=out")
    assert shown.code == 0, shown.err
    out = tmp_path / "out"
    content = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    assert [model["name"] for model in content["models"]] == ["a", "b"] and content["images"] == 9
    one, other = (model["scores"]["psnr"] for model in content["models"])
    assert one == other and one["low"] < one["value"] < one["high"]
    assert {(d["metric"], d["value"]) for d in content["differences"]} >= {("psnr", 0.0), ("l1", 0.0)}
    cost = content["models"][0]["cost"]
    assert (
        cost["parameters"] > 0 and cost["gmacs"] > 0 and cost["latency_ms"] > 0 and cost["size"] == [64, 64]
    )
    assert "Multiply-adds" in (out / "comparison.md").read_text(encoding="utf-8")
    with Image.open(out / "cases.png") as sheet:
        assert np.asarray(sheet).shape[1] > 4 * 64
    page = (out / "comparison.html").read_text(encoding="utf-8")
    assert "Best, worst and random images" in page and "Speed and quality" in page

    again = asap(
        "evaluate", "compare", out / "evaluations/a", first, *common, "names=[before,now]", "output=2"
    )
    assert again.code == 0, again.err
    told = json.loads((tmp_path / "2" / "comparison.json").read_text(encoding="utf-8"))
    assert told["models"][0]["scores"] == told["models"][1]["scores"]

    refused = asap("evaluate", "compare", out / "evaluations/a", first, "split=val", "repeats=0", "output=3")
    assert refused.code == 2 and "data.split: 'train' and 'val'" in refused.err
    assert "were not measured alike" in refused.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "at least two models are compared"),
        (("a",), "at least two models are compared"),
        (("a", "b", "draws=3"), "draws=3: a whole number from 100 on"),
        (("a", "b", "names=[x]"), "2 different names were expected"),
        (("a", "b"), "there is no such file or folder"),
    ],
)
def test_refused(asap, words: tuple[str, ...], expected: str) -> None:
    shown = asap("evaluate", "compare", *words)
    assert shown.code == 2 and expected in shown.err and "Traceback" not in shown.err


def test_names_are_what_tells_paths_apart() -> None:
    runs = ["runs/asap/t1/checkpoints/best.ckpt", "runs/spade/t1/checkpoints/best.ckpt"]
    assert given_names(None, runs) == ["asap", "spade"]
    assert given_names(None, ["runs/x/t1", "runs/x/t2"]) == ["t1", "t2"]
    assert given_names(None, ["runs/x/t1", "runs/y/t1", "runs/y/t2"]) == ["x/t1", "y/t1", "y/t2"]
    assert given_names(None, ["one.ckpt", "two.ckpt"]) == ["one", "two"]
    with pytest.raises(UserError, match="named twice"):
        given_names(None, ["a", "./a"])


def test_keys_in_a_logged_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from omegaconf import OmegaConf

    from asap_lightning.commands import evaluate_compare
    from asap_lightning.configuration import assemble
    from asap_lightning.data.panels import save_png
    from asap_lightning.evaluation.comparison import compare_models
    from asap_lightning.evaluation.scored import ScoredModel
    from asap_lightning.metrics import METRICS

    class Logger:
        def __init__(self) -> None:
            self.taken: dict[str, dict] = {}

        def log_table(self, **given) -> None:
            self.taken[given.pop("key")] = given

        log_image = log_table

        def finalize(self, status: str) -> None:
            assert status == "success"

    logger = Logger()
    monkeypatch.setattr(assemble, "make_loggers", lambda config: [logger])
    scores = {str(n): {"psnr": float(n)} for n in range(5)}
    models = [ScoredModel(name, tmp_path, 5, {"psnr": 2.0}, scores, {}, {}, {}, None) for name in ("a", "b")]
    picture = np.zeros((8, 8, 3), np.uint8)
    save_png(tmp_path / "front.png", picture)
    evaluate_compare.log_comparison(
        OmegaConf.create({"logger": {"wandb": {}}}),
        compare_models(models),
        [["case", "image", "a"], ["best 1", "4", picture]],
        {evaluate_compare.SCATTER: tmp_path / "front.png"},
        METRICS["psnr"],
    )
    assert set(logger.taken) == {"compare/scores", "compare/cases", "compare/speed_and_quality"}
    table = logger.taken["compare/scores"]
    assert table["columns"][:4] == ["model", "psnr", "psnr low", "psnr high"]
    assert table["data"][0][:2] == ["a", 2.0] and table["data"][1][0] == "b"
    assert logger.taken["compare/cases"]["data"] == [["best 1", "4", picture]]
