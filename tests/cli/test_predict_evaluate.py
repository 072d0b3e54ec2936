"""``asap predict`` and ``asap evaluate`` with a trained checkpoint."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def pixels(path: Path) -> np.ndarray:
    """What a file stores: of a palette file the indices."""
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def labels(facades: Path, tmp_path: Path) -> Path:
    """Three label maps of different sizes, one in a sub-folder."""
    folder = tmp_path / "labels"
    (folder / "more").mkdir(parents=True)
    source = Image.fromarray(pixels(facades / "base" / "cmp_b0001.png"))
    for name, size in (("a.png", (64, 64)), ("odd.png", (77, 51)), ("more/tall.png", (40, 90))):
        source.resize(size, Image.Resampling.NEAREST).save(folder / name)
    return folder


def test_predict_keeps_names_and_sizes(asap, trained: Path, labels: Path, tmp_path: Path) -> None:
    shown = asap("predict", f"ckpt={trained}", f"input={labels}", "output=out")
    assert shown.code == 0, shown.err
    out = tmp_path / "out"
    made = {str(path.relative_to(out)): pixels(path).shape for path in out.rglob("*.png")}
    assert made == {"a.png": (64, 64, 3), "odd.png": (51, 77, 3), "more/tall.png": (90, 40, 3)}
    assert "translated 3 images" in shown.err


def test_predict_needs_the_checkpoint_file_alone(asap, trained: Path, labels: Path, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere.ckpt"
    shutil.copy(trained / "checkpoints" / "last.ckpt", alone)
    assert asap("predict", f"ckpt={alone}", f"input={labels}/a.png", "output=one").code == 0
    assert asap("predict", f"ckpt={trained}/checkpoints/last.ckpt", f"input={labels}", "output=all").code == 0
    first, second = (pixels(tmp_path / name / "a.png") for name in ("one", "all"))
    np.testing.assert_array_equal(first, second)


def test_predict_again_leaves_what_is_there(asap, trained: Path, labels: Path, tmp_path: Path) -> None:
    arguments = ["predict", f"ckpt={trained}", f"input={labels}", "output=out"]
    assert asap(*arguments).code == 0
    before = (tmp_path / "out/a.png").stat().st_mtime_ns
    (tmp_path / "out/odd.png").unlink()
    shown = asap(*arguments)
    assert "2 of 3 images are there already" in shown.err and "translated 1 image with" in shown.err
    assert (tmp_path / "out/a.png").stat().st_mtime_ns == before
    assert asap(*arguments, "overwrite=true").code == 0
    assert (tmp_path / "out/a.png").stat().st_mtime_ns > before


def test_predict_translates_the_rest_and_lists_bad_files(
    asap, trained: Path, labels: Path, tmp_path: Path
) -> None:
    (labels / "broken.png").write_bytes((labels / "a.png").read_bytes()[:60])
    Image.fromarray(np.full((16, 16), 99, np.uint8)).save(labels / "wrong_id.png")
    (labels / "notes.txt").write_text("not an image")
    shown = asap("predict", f"ckpt={trained}", f"input={labels}", "output=out")
    assert shown.code == 2
    assert "2 of 5 files could not be translated" in shown.err
    assert "broken.png" in shown.err and "99" in shown.err
    assert "1 file is no image and is left alone: 1 .txt (notes.txt)" in shown.err
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["input=nowhere"], "input=nowhere: there is no such file or folder"),
        (["input=empty"], "holds no files"),
        (["ckpt=empty"], "ckpt=empty is a folder without checkpoints/best.ckpt"),
        (["ckpt=best"], "ckpt=best: no run has one: looked for runs/*/*/checkpoints/best.ckpt"),
        (["device=tpu9"], "device=tpu9"),
        (["part=4/4"], "part=4/4: auto, or a part such as 0/4"),
        (["overwrite=some"], "overwrite=some: false, changed or true was expected"),
        (["weights=ema"], "weights=raw"),
    ],
)
def test_predict_mistakes(
    asap, trained: Path, labels: Path, tmp_path: Path, arguments, expected: str
) -> None:
    (tmp_path / "empty").mkdir()
    shown = asap("predict", f"ckpt={trained}", f"input={labels}", "output=out", *arguments)
    assert shown.code == 2 and expected in shown.err and "Traceback" not in shown.err


def test_predict_would_not_overwrite_its_input(asap, trained: Path, labels: Path) -> None:
    shown = asap("predict", f"ckpt={trained}", f"input={labels}", f"output={labels}")
    assert shown.code == 2 and "its translation would overwrite" in shown.err


def test_predict_lists_two_files_with_one_target(asap, trained: Path, labels: Path, tmp_path: Path) -> None:
    Image.fromarray(pixels(labels / "a.png")).save(labels / "a.bmp")
    shown = asap("predict", f"ckpt={trained}", f"input={labels}", "output=out")
    assert shown.code == 2 and "2 of 4 files could not be translated" in shown.err
    assert "a.bmp would also be written to out/a.png" in shown.err
    assert sorted(path.name for path in (tmp_path / "out").rglob("*.png")) == ["odd.png", "tall.png"]
    assert asap("predict", f"ckpt={trained}", f"input={labels}", "output=out", "pattern=*.png").code == 0


def test_predict_in_parts_is_everything_once(
    asap, trained: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["predict", f"ckpt={trained}", f"input={labels}", "output=out"]
    shown = asap(*arguments, "part=0/2")
    assert shown.code == 0 and "part 0/2: 2 of 3 files" in shown.err and "translated 2 images" in shown.err
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    shown = asap(*arguments)
    assert shown.code == 0 and "translated 1 image with" in shown.err and "part 1/2" in shown.out
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


def test_predict_does_not_take_another_models_images_for_its_own(
    asap, trained: Path, labels: Path, tmp_path: Path
) -> None:
    arguments = ["predict", f"input={labels}", "output=out"]
    assert asap(*arguments, f"ckpt={trained}", "weights=raw").code == 0
    other = tmp_path / "out/a.png"
    before = other.read_bytes()
    shown = asap(*arguments, f"ckpt={trained}", "style.seed=1")
    assert shown.code == 2 and "3 of 3 images are there already but were not made with this" in shown.err
    assert other.read_bytes() == before
    shown = asap(*arguments, f"ckpt={trained}", "style.seed=1", "overwrite=changed")
    assert shown.code == 0 and "translated 3 images" in shown.err


def test_predict_with_another_palette(asap, trained: Path, tmp_path: Path) -> None:
    ids = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64) % 3
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    for name, picture in (("ids", ids), ("colours", colours[ids])):
        (tmp_path / name).mkdir()
        Image.fromarray(picture).save(tmp_path / name / "x.png")
    palette = "labels.palette=[[255,0,0],[0,255,0],[0,0,255]]"
    assert asap("predict", f"ckpt={trained}", "input=ids", "output=a").code == 0
    shown = asap("predict", f"ckpt={trained}", "input=colours", "output=b", palette)
    assert shown.code == 0, shown.err
    np.testing.assert_array_equal(pixels(tmp_path / "a/x.png"), pixels(tmp_path / "b/x.png"))
    shown = asap("predict", f"ckpt={trained}", "input=colours", "output=c")
    assert shown.code == 2 and "colour picture" in shown.err and "labels.palette=[[r,g,b],...]" in shown.err


def test_evaluate_agrees_with_the_validation_of_the_training(asap, trained: Path, tmp_path: Path) -> None:
    shown = asap("evaluate", f"ckpt={trained}/checkpoints/best.ckpt", "output=figures")
    assert shown.code == 0, shown.err
    report = json.loads((tmp_path / "figures/metrics.json").read_text())
    assert report["images"] == 1 and report["about"]["data"]["split"] == "val"
    assert set(report["metrics"]) == {"psnr", "ssim", "l1"}
    from asap_lightning.training import read_checkpoint

    state = read_checkpoint(trained / "checkpoints/best.ckpt")["callbacks"]
    best = next(value["best_value"] for value in state.values() if "best_value" in value)
    assert report["metrics"]["psnr"] == pytest.approx(best, abs=1e-4)
    with (tmp_path / "figures/images.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["psnr"]) == pytest.approx(report["metrics"]["psnr"], abs=1e-3)
    assert "PSNR" in shown.out and "metrics.json" in shown.out


def test_evaluate_another_split_or_data_set(asap, trained: Path, facades: Path, tmp_path: Path) -> None:
    assert asap("evaluate", f"ckpt={trained}", "split=train", "data.limit_train=2", "output=a").code == 0
    assert json.loads((tmp_path / "a/metrics.json").read_text())["images"] == 2
    other = [f"data.root={facades}", "data=demo", "data.height=32", "data.width=32", "data.num_workers=0"]
    assert asap("evaluate", f"ckpt={trained}", *other, "output=b").code == 0


def test_evaluate_refuses_data_of_another_kind(asap, trained: Path, tmp_path: Path) -> None:
    shown = asap("evaluate", f"ckpt={trained}", "data=cityscapes", "data.root=x")
    assert shown.code == 2
    assert "does not fit the model" in shown.err and "num_classes" in shown.err


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "evaluation.metrics=[psnrr]",
            "evaluation.metrics: there is no metric psnrr; there are psnr, ssim, l1",
        ),
        ("split=valid", "split=valid: one of train, val, test"),
        ("data.root=nowhere", "data.root=nowhere"),
    ],
)
def test_evaluate_mistakes(asap, trained: Path, override: str, expected: str) -> None:
    shown = asap("evaluate", f"ckpt={trained}", override)
    assert shown.code == 2 and expected in shown.err
