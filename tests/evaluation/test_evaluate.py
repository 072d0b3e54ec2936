import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

import small
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.data.batch import Batch
from asap_lightning.errors import Unavailable, UserError
from asap_lightning.evaluation import EvaluationReport, ImageRow, evaluate
from asap_lightning.inference import Translator
from asap_lightning.metrics import MetricSuite, Results, image_scores, pairs_of

SPEC = ConditionSpec("label", num_classes=3)
VALID = (15, 14)


def batches(count: int = 3, size: int = 2) -> list[Batch]:
    random = torch.Generator().manual_seed(1)
    made = []
    for index in range(count):
        label = torch.randint(0, 3, (size, 16, 16), generator=random)
        photo = torch.rand(size, 3, 16, 16, generator=random) * 2 - 1
        names = [f"{index}_{i}" for i in range(size)]
        made.append(Batch(Condition(label=label), photo, names, [VALID] * size))
    return made


@pytest.fixture
def translator() -> Translator:
    generator = small.asap_generator(SPEC, s1=2, s2=2, init_gain=1.0)
    return Translator.from_generator(generator, device="cpu")


def test_figures_of_every_image_without_padding(translator: Translator) -> None:
    seen: list[str] = []
    report = evaluate(translator.translate, batches(), SPEC, on_image=lambda row: seen.append(row.name))
    assert [row.name for row in report.rows] == seen == ["0_0", "0_1", "1_0", "1_1", "2_0", "2_1"]
    batch = batches()[1]
    assert batch.photo is not None
    generated = translator.translate(batch.condition)[1, :, :15, :14]
    scores = image_scores(generated, batch.photo[1, :, :15, :14])
    row = report.rows[3]
    assert row.scores == scores


def test_the_means_are_those_of_validation_whatever_the_batch_size(translator: Translator) -> None:
    suite = MetricSuite()
    for batch in batches(count=2, size=3):
        generated = translator.translate(batch.condition)
        for pairs in pairs_of(generated, batch.photo, batch.names, valid=batch.valid):
            suite.update(pairs)
    found = evaluate(translator.translate, batches(count=2, size=3), SPEC).scores
    assert found == pytest.approx(suite.compute().values) and set(found) == {"psnr", "ssim", "l1"}


def test_files(translator: Translator, tmp_path: Path) -> None:
    names = [name for batch in batches() for name in batch.names]
    report = evaluate(
        translator.translate, batches(), SPEC, samples=2, names=names, about={"checkpoint": "best.ckpt"}
    )
    written = report.save(tmp_path / "out")
    assert set(written) == {"metrics", "images", "samples"}
    saved = json.loads(written["metrics"].read_text())
    assert saved["metrics"] == report.scores and saved["images"] == 6
    assert saved["about"]["checkpoint"] == "best.ckpt" and saved["about"]["version"]
    assert saved["spread"]["psnr"]["min"] == min(report.values("psnr"))
    assert saved["per_image"]["2_1"]["l1"] == report.rows[-1].scores["l1"]
    with written["images"].open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["psnr"]) for row in rows] == report.values("psnr")
    grid = np.asarray(Image.open(written["samples"]))
    photo = batches()[1].photo
    assert photo is not None and [name for name, _ in report.samples] == ["0_0", "1_1"]
    expected = ((photo[1, :, :15, :14] + 1) * 127.5).round().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(grid[18 + 19 : 18 + 34, 4 + 36 : 4 + 50], expected)


def test_the_sheet_shows_exemplars(translator: Translator, tmp_path: Path) -> None:
    (batch,) = batches()[:1]
    assert batch.photo is not None
    guide = batch.photo.flip(0)
    condition = replace(batch.condition, guide=guide)
    for own, titles in (
        (None, ["label", "generated", "photo"]),  # a photo for an encoder is no exemplar
        (torch.tensor([False] * len(batch)), ["label", "exemplar", "generated", "photo"]),
    ):
        lent = replace(batch, condition=condition, own_exemplar=own)
        report = evaluate(translator.translate, [lent], SPEC, samples=1)
        assert report.titles == titles
    shown = report.samples[0][1][1]
    np.testing.assert_array_equal(shown, ((guide[0] + 1) * 127.5).round().permute(1, 2, 0).numpy())


def row(name: str, psnr: float | None, ssim: float, l1: float | None) -> ImageRow:
    return ImageRow(name, {"psnr": psnr, "ssim": ssim, "l1": l1})


def report_of(*rows: ImageRow, **values: float | None) -> EvaluationReport:
    return EvaluationReport(list(rows), Results(values))


def lines_of(report: EvaluationReport) -> list[list[str]]:
    text = io.StringIO()
    Console(file=text, width=100, color_system=None).print(report.table())
    return [[cell.strip() for cell in line.split("│")] for line in text.getvalue().splitlines()]


def test_table_and_worst_images() -> None:
    rows = (row("a", 10.0, 0.5, 0.3), row("b", 30.0, 0.9, 0.1), row("c", 20.0, 0.1, 0.2))
    report = report_of(*rows, psnr=20.0, ssim=0.5, l1=0.2, fid=70.5, kid=None)
    assert [row.name for row in report.worst("psnr", 2)] == ["a", "c"]
    assert [row.name for row in report.worst("l1", 1)] == ["a"]
    lines = lines_of(report)
    assert ["", "PSNR (dB)", "20.0000", "10.0000", "20.0000", "10.0000", "30.0000", ""] in lines
    assert ["", "L1 (images in [0, 1])", "0.2000", "0.1000", "0.2000", "0.3000", "0.1000", ""] in lines
    assert ["", "FID", "70.5000", "-", "-", "-", "-", ""] in lines
    assert ["", "KID", "-", "-", "-", "-", "-", ""] in lines


def test_one_image_has_no_deviation(tmp_path: Path) -> None:
    report = report_of(row("a", 10.0, 0.5, 0.3), psnr=10.0, ssim=0.5, l1=0.3)
    assert json.loads(report.save(tmp_path)["metrics"].read_text())["spread"]["psnr"]["std"] is None
    assert not (tmp_path / "samples.png").exists()


def test_what_cannot_be_measured_is_refused(translator: Translator) -> None:
    with pytest.raises(UserError, match="no pair with a photo"):
        evaluate(translator.translate, [], SPEC)
    (batch,) = batches(1)
    with pytest.raises(ValueError, match="more than once: 0_0, 0_1"):
        evaluate(translator.translate, [batch, batch], SPEC)
    batch.photo = None
    with pytest.raises(UserError, match="'0_0' has no photo"):
        evaluate(translator.translate, [batch], SPEC)


def test_an_image_without_a_score_is_the_worst_and_can_be_written(tmp_path: Path) -> None:
    rows = (row("good", 30.0, 0.9, 0.1), row("none", None, 0.1, None), row("poor", 10.0, 0.2, 0.4))
    results = Results(
        {"psnr": None, "ssim": 0.4, "l1": None},
        {"psnr": Unavailable("1 image with NaN: none"), "l1": Unavailable("no weights", "fetch them")},
        details={"ssim": {"classes": [0.4]}},
        pictures={"confusion": np.zeros((2, 3, 3), np.uint8)},
        warnings=["ssim: few images"],
    )
    report = EvaluationReport([*rows], results)
    assert [row.name for row in report.worst("psnr")] == ["none", "poor", "good"]
    assert [row.name for row in report.worst("l1")] == ["none", "poor", "good"]
    written = report.save(tmp_path)
    found = json.loads(written["metrics"].read_text())
    assert found["per_image"]["none"] == {"psnr": None, "ssim": 0.1, "l1": None}
    assert set(found["spread"]["l1"].values()) == {None} and found["spread"]["ssim"]["max"] == 0.9
    assert found["metrics"] == results.values and found["details"] == results.details
    assert found["unavailable"]["psnr"] == {"reason": "1 image with NaN: none", "command": None}
    assert found["unavailable"]["l1"]["command"] == "fetch them" and found["warnings"] == results.warnings
    assert written["images"].read_text().splitlines()[2] == "none,,0.1,"
    with Image.open(written["confusion"]) as picture:
        assert picture.size == (3, 2)
    assert report.table().row_count == 3
    assert report.notes()[1:] == [
        "l1 is unavailable: no weights\n  get it with:  fetch them",
        "ssim: few images",
    ]
    with pytest.raises(UserError, match="2 metrics of 3 could not be computed: psnr, l1"):
        report.require_all()


def test_a_generator_of_nan_has_no_score_and_says_which_image() -> None:
    def translate(condition: Condition) -> torch.Tensor:
        image = torch.zeros(2, 3, 16, 16)
        image[1, 0, 3, 3] = math.nan
        return image

    report = evaluate(translate, batches(1), SPEC)
    assert report.rows[0].scores["psnr"] is not None and set(report.rows[1].scores.values()) == {None}
    assert report.scores == {} and set(report.results.values) == {"psnr", "ssim", "l1"}
    assert "1 image with values that are not finite numbers: 0_1" in report.notes()[0]
    report.table()
