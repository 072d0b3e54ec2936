"""Models measured alike: intervals, who is best, and what may not be compared."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asap_lightning.errors import UserError
from asap_lightning.evaluation.comparison import compare_models
from asap_lightning.evaluation.cost.checkpoint import GeneratorCost
from asap_lightning.evaluation.scored import ScoredModel, read_scores
from asap_lightning.reports.pareto import front_of
from asap_lightning.reports.scores import as_dict, caption, comma_separated, latex, markdown
from asap_lightning.reports.scores_page import cases, draw_speed_and_quality, rated_metric, write_scores_page

DATA = {"root": "data", "split": "val", "mode": "fixed", "height": 64, "width": 64}
Write = Callable[..., Path]
NOISE = np.random.default_rng(0).normal(size=30)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the file of an evaluation whose PSNR is around ``psnr``."""

    def make(name: str, psnr: float, **changes: Any) -> Path:
        own = np.random.default_rng(len(name)).normal(size=30)
        scores = {f"{i:02}": {"psnr": psnr + 3 * NOISE[i] + 0.2 * own[i], "ssim": 0.5} for i in range(30)}
        mean = float(np.mean([one["psnr"] for one in scores.values()]))
        content = {
            "about": {"version": "0", "data": DATA, "evaluation": {"metrics": ["psnr"], "resize": "clean"}},
            "images": 30,
            "metrics": {
                "psnr": mean,
                "ssim": 0.5,
                "fid": 80.0,
            },
            "per_image": scores,
        }
        content |= changes
        folder = tmp_path / name
        folder.mkdir()
        (folder / "metrics.json").write_text(json.dumps(content), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def three(write: Write) -> list[ScoredModel]:
    return [
        read_scores(write(name, psnr)) for name, psnr in (("ours", 20.0), ("theirs", 18.0), ("equal", 20.0))
    ]


def test_intervals_differences_and_the_best(three: list[ScoredModel]) -> None:
    found = compare_models(three)
    assert list(found.metrics) == ["psnr", "ssim", "fid"]
    first = found.scores["psnr"][0]
    assert first is not None and first.low is not None and first.low < first.value < (first.high or 0)
    assert first.value == pytest.approx(three[0].scores["psnr"])
    clear, level = found.differences["psnr"][0, 1], found.differences["psnr"][0, 2]
    assert clear.low is not None and clear.low > 1.5, "3 dB of common noise cancel out"
    assert level.low is not None and level.high is not None and level.low < 0 < level.high
    assert found.best("psnr") == {0, 2}
    assert found.scores["fid"][0] is not None and found.scores["fid"][0].low is None
    assert any("without interval: fid" in note for note in found.notes)


def test_files_that_print_the_table(three: list[ScoredModel], tmp_path: Path) -> None:
    costs = [
        GeneratorCost(10**6, 5.0, (64, 64), "cpu", 1.5, 20.0),
        GeneratorCost(2 * 10**6, 9.0, (64, 64), "cpu"),
        None,
    ]
    found = compare_models([*three[:2], ScoredModel(**{**vars(three[2]), "name": "a_b|50%"})], costs)
    text = markdown(found)
    header = text.splitlines()[0]
    assert "PSNR (dB) ↑" in header and "FID ↓" in header and "Multiply-adds" in header
    assert text.splitlines()[4].startswith("| a_b\\|50% | **")
    tabular = latex(found)
    assert r"a\_b|50\%" in tabular and r"\begin{tabular}{lrrrrrrr}" in tabular and "–" not in tabular
    rows = list(csv.DictReader(io.StringIO(comma_separated(found))))
    assert float(rows[0]["psnr"]) == found.scores["psnr"][0].value  # type: ignore[union-attr]
    assert rows[2]["parameters"] == "" and rows[0]["fid_low"] == ""
    content = json.loads(json.dumps(as_dict(found), allow_nan=False))
    assert content["models"][0]["cost"]["gmacs"] == 1.5 and len(content["differences"]) == 6
    assert any("64 x 64 on cpu" in line for line in caption(found))
    metric = rated_metric(found)
    assert metric is not None and metric.key == "psnr"
    assert draw_speed_and_quality(found, metric, tmp_path / "front.png")
    write_scores_page(found, {"Speed": tmp_path / "front.png"}, tmp_path / "page.html")
    assert "a_b|50%" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_cases_are_the_best_the_worst_and_others(three: list[ScoredModel]) -> None:
    found = compare_models(three)
    metric = rated_metric(found, "psnr")
    assert metric is not None
    chosen = cases(found, metric, 4)
    means = {name: np.mean([m.per_image[name]["psnr"] for m in three]) for name in three[0].per_image}  # type: ignore[list-item]
    ranked = sorted(means, key=lambda name: -means[name])
    assert [case.name for case in chosen[:4]] == ranked[:4]
    assert [case.name for case in chosen[4:8]] == ranked[::-1][:4]
    assert len({case.name for case in chosen}) == 12
    assert rated_metric(found, "lpips") is None


def test_front() -> None:
    rated = [("slow", 9.0, 2.0), ("fast", 1.0, 1.0), ("beaten", 5.0, 0.5), ("unknown", None, 3.0)]
    assert front_of(rated, higher=True) == ["fast", "slow"]
    assert front_of(rated, higher=False) == ["fast", "beaten"]


def test_images_without_a_score_are_left_out_of_all(write: Write) -> None:
    one, other = read_scores(write("one", 20.0)), read_scores(write("other", 21.0))
    scores = {name: dict(values) for name, values in one.per_image.items()}
    scores["07"]["psnr"] = None
    found = compare_models([replace(one, per_image=scores), other])
    assert any("psnr: of the 29 images" in note for note in found.notes)
    kept = [values["psnr"] for name, values in other.per_image.items() if name != "07"]
    assert found.scores["psnr"][1].value == pytest.approx(np.mean(kept))  # type: ignore


def test_a_metric_that_one_lacks(write: Write) -> None:
    models = [
        read_scores(write("one", 20.0)),
        read_scores(write("other", 21.0, metrics={"psnr": 21.0, "ssim": None})),
    ]
    found = compare_models(models)
    assert found.scores["fid"][1] is None and found.scores["ssim"][1] is None
    assert any("fid: not measured of other" in note for note in found.notes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"about": {"data": DATA | {"split": "test"}}}, r"data.split: 'val' and 'test'"),
        ({"about": {"data": DATA | {"height": 128}}}, r"data.height: 64 and 128"),
        (
            {"about": {"evaluation": {"metrics": ["fid"], "resize": "torch"}}},
            "evaluation.resize: 'clean' and 'torch'",
        ),
        ({"images": 1, "per_image": {"00": {"psnr": 1.0}}}, "29 images of one missing in other: 01, 02"),
    ],
)
def test_other_protocols_are_refused(write: Write, changes: dict[str, Any], message: str) -> None:
    models = [read_scores(write("one", 20.0)), read_scores(write("other", 20.0, **changes))]
    with pytest.raises(UserError, match=message):
        compare_models(models)


def test_another_segmenter_is_another_protocol(write: Write) -> None:
    def labelled(name: str, **segmenter: Any) -> ScoredModel:
        about = {"data": DATA, "segmenter": {"folder": name, **segmenter}}
        return read_scores(write(name, 20.0, about=about))

    ours, alike = labelled("ours", kind="train"), labelled("alike", kind="train")
    compare_models([ours, alike])  # they differ in where the fitted network is kept
    compare_models([ours, labelled("unlabelled", kind="none")])
    with pytest.raises(UserError, match=r"segmenter.*kind"):
        compare_models([ours, labelled("theirs", kind="drn_d_105")])


def test_another_place_is_told(write: Write) -> None:
    about = {
        "data": DATA | {"root": "/elsewhere"},
        "evaluation": {"metrics": ["psnr", "fid"], "resize": "clean"},
    }
    models = [read_scores(write("one", 20.0)), read_scores(write("other", 20.0, about=about))]
    assert any("/elsewhere" in note for note in compare_models(models).notes)


def test_too_few_or_twice(three: list[ScoredModel]) -> None:
    with pytest.raises(UserError, match="1 model: at least two"):
        compare_models(three[:1])
    with pytest.raises(UserError, match="two models are called ours"):
        compare_models([three[0], three[0]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"per_image": {}}, "is not what asap evaluate writes"),
        ({"images": 7}, "7 images, scores of 30"),
        ({"metrics": {"psnr": "high"}}, "psnr is 'high'"),
        ({"metrics": {"psnr": True}}, "psnr is True"),
        ({"about": []}, "is not what asap evaluate writes"),
        ({"per_image": [1]}, "is not what asap evaluate writes"),
    ],
)
def test_damaged_files(write: Write, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_scores(write("one", 20.0, **changes))


def test_not_a_number_and_no_file(write: Write, tmp_path: Path) -> None:
    folder = write("one", 20.0)
    text = (folder / "metrics.json").read_text(encoding="utf-8").replace('"fid": 80.0', '"fid": NaN')
    (folder / "metrics.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="fid is nan"):
        read_scores(folder)
    with pytest.raises(UserError, match="cannot be read"):
        read_scores(tmp_path / "nothing.json")
