"""``asap data palette``: its words, given to ``asap data check``, read the files."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLOURS = np.array([[0, 0, 170], [255, 85, 0], [170, 255, 85]], np.uint8)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Photo left, label map right, as JPEG."""
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        (tmp_path / "pairs" / split).mkdir(parents=True)
        for number in range(3):
            ids = random.integers(0, 3, (4, 4)).repeat(16, 0).repeat(16, 1)
            photo = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            photo = np.asarray(Image.fromarray(photo).resize((64, 64), Image.Resampling.BICUBIC))
            both = np.hstack([photo, COLOURS[ids]])
            Image.fromarray(both).save(tmp_path / f"pairs/{split}/{number}.jpg", quality=85)
    return tmp_path / "pairs"


def test_what_it_proposes_reads_the_files(asap, pairs: Path, tmp_path: Path) -> None:
    shown = asap("data", "palette", "pairs", "--out", "colours.png")
    assert shown.code == 0, shown.err
    assert "3 of 3 files, right halves; 0 of them lossless with at most 256 colours" in shown.out
    with Image.open(tmp_path / "colours.png") as picture:
        assert picture.height > 3 * 96
    (line,) = (line for line in shown.out.splitlines() if "data.layout.palette=" in line)
    words = shlex.split(line)
    assert {"data=pairs", "data.layout.direction=BtoA", "data.layout.num_classes=3"} < set(words)
    checked = asap("data", "check", "pairs", *words)
    assert checked.code == 0 and "no problems in 6 pairs" in checked.out


def test_a_folder_of_label_maps(asap, tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    Image.fromarray(COLOURS[[[0, 1, 1], [0, 1, 2]]]).save(tmp_path / "maps/a.png")
    Image.fromarray(COLOURS[[[0, 0, 0]]]).save(tmp_path / "maps/b.png")
    shown = asap("data", "palette", "maps", "--count", 3)
    assert shown.code == 0, shown.err
    assert "'data.layout.palette=[[0,0,170],[255,85,0],[170,255,85]]'" in shown.out
    assert "palette_tolerance" not in shown.out and "55.56%" in shown.out
    assert "    palette:\n      - [0, 0, 170]" in shown.out
    Image.fromarray(np.array([[0, 1], [2, 2]], np.uint8)).save(tmp_path / "maps/a.png")
    Image.fromarray(np.array([[0, 1], [2, 2]], np.uint8)).save(tmp_path / "maps/b.png")
    assert "they need no palette but data.layout.num_classes=3" in asap("data", "palette", "maps").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: there is no such folder"),
        (["empty"], "empty is an empty folder"),
        (["bad"], "x.png is not an image that can be read"),
        (["deep"], "16- or 32-bit values"),
        (["pairs", "--count", "0"], "--count 0: a number from 1 on"),
        (["pairs", "--files", "-1"], "--files -1: a number from 1 on"),
        (["pairs", "--tolerance", "500"], "a distance from 0 to 442"),
        (["pairs", "--out", "sheet.jpg"], "--out sheet.jpg: the picture is a PNG file"),
        (["pairs", "data=cityscapes"], "data=cityscapes: the label files of this data set hold class ids"),
        (["bad", "--half", "left"], "--half is for pairs"),
        (["pairs", "--half", "left", "data.layout.direction=AtoB"], "say the same thing"),
        (["pairs", "data.layout.condision=label"], "Did you mean data.layout.condition?"),
        (["bad", "data.height=9"], "say which layout this is for with data=NAME"),
    ],
)
def test_bad_input(asap, pairs: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    for name in ("empty", "bad", "deep"):
        (tmp_path / name).mkdir()
    (tmp_path / "bad/x.png").write_bytes(b"no picture")
    Image.fromarray(np.ones((4, 4), np.uint16)).save(tmp_path / "deep/x.png")
    shown = asap("data", "palette", *arguments)
    assert shown.code == 2 and message in shown.err, shown.err
