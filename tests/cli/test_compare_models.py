"""``asap evaluate compare``: checkpoints and evaluations in one table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from asap_lightning.errors import UserError
from asap_lightning.evaluation.model_names import given_names


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


def test_pictures_of_another_program_beside_a_checkpoint(asap, trained: Path, tmp_path: Path) -> None:
    """What ``asap predict`` writes is measured as the checkpoint itself; pix2pix's names are known."""
    facades = Path(OmegaConf.load(trained / "config.yaml").data.root)
    labels, theirs = tmp_path / "labels", tmp_path / "theirs"
    labels.mkdir(), theirs.mkdir()
    for path in (facades / "base").glob("*.png"):
        shutil.copy(path, labels)
    last = trained / "checkpoints/last.ckpt"
    made = asap("predict", f"ckpt={last}", f"input={labels}", "output=made", "device=cpu")
    assert made.code == 0, made.err
    for path in (tmp_path / "made").glob("*.png"):
        shutil.copy(path, theirs / f"{path.stem}_fake_B.png")
        shutil.copy(path, theirs / f"{path.stem}_real_A.png")
    common = ("split=train", "repeats=0", "draws=200", "device=cpu")
    shown = asap("evaluate", "compare", last, "made", "theirs", *common, "output=out", "names=[net,a,b]")
    assert shown.code == 0, shown.err
    content = json.loads((tmp_path / "out/comparison.json").read_text(encoding="utf-8"))
    net, ours, others = (model["scores"] for model in content["models"])
    assert net == ours == others and content["images"] == 9
    with Image.open(tmp_path / "out/cases.png") as sheet:
        assert sheet.width > 5 * 64 and "not on the sheet" not in shown.out

    next(theirs.glob("*_fake_B.png")).unlink()
    lacking = asap("evaluate", "compare", last, "theirs", *common, "output=2")
    assert lacking.code == 2 and "none of 1 of the 9 pairs of the split" in lacking.err
    Image.new("RGB", (32, 64)).save(next((tmp_path / "made").glob("*.png")))
    resized = asap("evaluate", "compare", last, "made", *common, "output=3")
    assert resized.code == 2 and "32 x 64, and the photo of" in resized.err
    unknown = asap("evaluate", "compare", "made", "theirs", *common, "output=4")
    assert unknown.code == 2 and "real=PHOTOS names a folder of photos" in unknown.err
    mixed = asap("evaluate", "compare", last, "made", *common, f"real={labels}", "output=5")
    assert mixed.code == 2 and "leave real= out" in mixed.err


def test_folders_alone_against_photos(asap, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    photos = [random.integers(0, 256, (24, 24, 3)) for _ in range(5)]
    for folder, noise in (("real", 0), ("near", 5), ("far", 60)):
        (tmp_path / folder).mkdir()
        for number, photo in enumerate(photos):
            pixels = np.clip(photo + random.integers(-noise, noise + 1, photo.shape), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / folder / f"{number}.png")
    shown = asap("evaluate", "compare", "near", "far", "real=real", "draws=200", "device=cpu", "output=out")
    assert shown.code == 0, shown.err
    content = json.loads((tmp_path / "out/comparison.json").read_text(encoding="utf-8"))
    near, far = (model["scores"]["psnr"] for model in content["models"])
    assert near["low"] > far["high"] and [one["name"] for one in content["models"]] == ["near", "far"]
    assert (tmp_path / "out/cases.png").is_file() and "not on the sheet" not in shown.out


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
    from asap_lightning.configuration import assemble
    from asap_lightning.configuration.compared_log import log_comparison
    from asap_lightning.data.panels import save_png
    from asap_lightning.evaluation.comparison import compare_models
    from asap_lightning.evaluation.scored import ScoredModel
    from asap_lightning.metrics import METRICS
    from asap_lightning.reports.scores_page import SCATTER

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
    log_comparison(
        OmegaConf.create({"logger": {"wandb": {}}}),
        compare_models(models),
        [["case", "image", "a"], ["best 1", "4", picture]],
        {SCATTER: tmp_path / "front.png"},
        METRICS["psnr"],
    )
    assert set(logger.taken) == {"compare/scores", "compare/cases", "compare/speed_and_quality"}
    table = logger.taken["compare/scores"]
    assert table["columns"][:4] == ["model", "psnr", "psnr low", "psnr high"]
    assert table["data"][0][:2] == ["a", 2.0] and table["data"][1][0] == "b"
    assert logger.taken["compare/cases"]["data"] == [["best 1", "4", picture]]
