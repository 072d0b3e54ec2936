"""Sheets with names, GIFs and MP4s that other programs read back."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from asap_lightning.errors import UserError
from asap_lightning.singan.sheet import sheet, shown
from asap_lightning.singan.video import require_speed, write_gif, write_mp4


def frames(height: int = 30, width: int = 41) -> list[np.ndarray]:
    return [np.full((height, width, 3), (40 * k, 100, 250 - 40 * k), np.uint8) for k in range(6)]


def test_a_sheet_holds_every_picture_once() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9), (200, 100, 0)]
    cells = [(f"name {k}", np.full((130, 150, 3), colour, np.uint8)) for k, colour in enumerate(colours)]
    made = sheet(cells, columns=2)
    for colour in colours:
        assert (made == colour).all(2).sum() == 130 * 150
    assert made.shape[0] > 3 * 130 and (made[:18] < 100).any()  # names are written
    small, large = (
        sheet([("a", np.zeros((20, 30, 3), np.uint8))]),
        sheet([("a", np.zeros((900, 700, 3), np.uint8))]),
    )
    assert (small == 0).all(2).sum() == 160 * 240 and large.shape[0] < 400


def test_one_channel_is_grey() -> None:
    assert shown(torch.ones(1, 1, 4, 5)).tolist() == np.full((4, 5, 3), 255).tolist()


def test_a_gif_comes_back(tmp_path: Path) -> None:
    write_gif(tmp_path / "a.gif", frames(), 10)
    with Image.open(tmp_path / "a.gif") as read:
        assert read.n_frames == 6 and read.size == (41, 30)
        assert read.info["duration"] == 100 and read.info["loop"] == 0
        read.seek(3)
        found = np.asarray(read.convert("RGB")).astype(int)
    assert np.abs(found - frames()[3]).max() <= 8
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_an_mp4_comes_back(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    write_mp4(tmp_path / "a.mp4", frames(), 12.5)
    read = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert read.get(cv2.CAP_PROP_FPS) == 12.5
    found = []
    while (grabbed := read.read())[0]:
        found.append(grabbed[1][..., ::-1].astype(int))
    assert len(found) == 6 and found[0].shape == (30, 42, 3)
    assert np.abs(found[3][5:25, 5:35] - np.array((120, 100, 130))).max() <= 12
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_without_opencv_an_mp4_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match=r"pip install opencv-python-headless.*mp4=false"):
        write_mp4(tmp_path / "a.mp4", frames(), 10)
    assert not list(tmp_path.iterdir())


def test_an_opencv_without_encoders_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2")
    monkeypatch.setattr("asap_lightning.singan.video.CODECS", ("zzzz",))
    with pytest.raises(UserError, match="no encoder for zzzz"):
        write_mp4(tmp_path / "a.mp4", frames(), 10)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fps", [0.0, -1.0, 51.0, float("nan")])
def test_speeds_that_a_gif_cannot_have(fps: float) -> None:
    with pytest.raises(UserError, match=r"from 0.1 to 50"):
        require_speed(fps)
