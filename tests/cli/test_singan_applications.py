"""``asap singan sample|super-resolve|animate|harmonize|edit|paint`` with a tiny pyramid."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from asap_lightning.singan.checkpoint import write_pyramid
from asap_lightning.singan.sheet import shown
from pyramids import make_pyramid


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder with a pyramid, one that was stopped, a pasted picture, its mask."""
    pyramid = make_pyramid()
    write_pyramid(pyramid, tmp_path / "p.ckpt")
    write_pyramid(replace(pyramid, scales=pyramid.scales[:1], _built={}), tmp_path / "half.ckpt")
    pasted = shown(pyramid.scales[-1]["real"]).copy()
    pasted[10:16, 10:18] = (255, 0, 0)
    Image.fromarray(pasted).save(tmp_path / "pasted.png")
    mask = np.zeros((30, 37), np.uint8)
    mask[10:16, 10:18] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(mask[:-1]).save(tmp_path / "short.png")
    return tmp_path


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def report(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_sample(asap, given: Path) -> None:
    shown_ = asap("singan", "sample", "ckpt=p.ckpt", "output=out", "count=3", "height=33", "seed=5")
    assert shown_.code == 0, shown_.err
    assert files(given / "out") == {*(f"sample_00{k}.png" for k in range(3)), "sheet.png", "sample.json"}
    assert size(given / "out/sample_002.png") == (41, 33)
    found = report(given / "out", "sample")
    assert (found["seed"], found["height"], found["width"]) == (5, 33, 41)
    assert found["diversity"] is None or found["diversity"] > 0
    assert set(found["files"]) == files(given / "out") - {"sample.json"} and "sheet.png" in shown_.out
    words = ("ckpt=p.ckpt", "count=1", "size=[33,41]", "seed=5", "measure=false", "tile=16", "output=again")
    assert asap("singan", "sample", *words).code == 0
    one, other = (np.asarray(Image.open(given / f"{name}/sample_000.png")) for name in ("out", "again"))
    assert (np.abs(one.astype(int) - other) <= 1).mean() > 0.9


def test_super_resolve(asap, given: Path) -> None:
    shown_ = asap("singan", "super-resolve", "ckpt=p.ckpt", "output=out", "factor=2")
    assert shown_.code == 0, shown_.err
    assert "not trained for super-resolution" in shown_.err
    assert files(given / "out") == {"x2.png", "x2_bicubic.png", "sheet.png", "super_resolve.json"}
    assert size(given / "out/x2.png") == (74, 60)
    assert report(given / "out", "super_resolve")["steps"] == 3


def test_animate(asap, given: Path) -> None:
    pytest.importorskip("cv2")
    shown_ = asap("singan", "animate", "ckpt=p.ckpt", "output=out", "frames=3", "start_scale=1", "fps=20")
    assert shown_.code == 0, shown_.err
    assert files(given / "out") == {"animation.gif", "animation.mp4", "sheet.png", "animate.json"}
    with Image.open(given / "out/animation.gif") as moving:
        assert moving.n_frames == 3 and moving.info["duration"] == 50
    assert asap("singan", "animate", "ckpt=p.ckpt", "output=gif", "frames=2", "mp4=false").code == 0
    assert "animation.mp4" not in files(given / "gif")


@pytest.mark.parametrize(("name", "radius"), [("harmonize", 7), ("edit", 20)])
def test_pasting(asap, given: Path, name: str, radius: int) -> None:
    words = ("ckpt=p.ckpt", "image=pasted.png", "mask=mask.png")
    shown_ = asap("singan", name, *words, "output=out")
    assert shown_.code == 0, shown_.err
    pictures = {f"scale_{k}{end}.png" for k in (1, 2) for end in ("", "_whole")}
    assert files(given / "out") == {*pictures, "sheet.png", f"{name}.json"}
    assert report(given / "out", name)["radius"] == radius
    assert asap("singan", name, *words, "output=one", "scale=2").code == 0
    assert files(given / "one") == {"scale_2.png", "scale_2_whole.png", "sheet.png", f"{name}.json"}
    one, other = ((given / f"{folder}/scale_2.png").read_bytes() for folder in ("out", "one"))
    assert one == other


def test_paint(asap, given: Path) -> None:
    words = ("singan", "paint", "ckpt=p.ckpt", "image=pasted.png")
    shown_ = asap(*words, "output=out")
    assert shown_.code == 0, shown_.err
    assert files(given / "out") == {"scale_1.png", "scale_2.png", "sheet.png", "paint.json"}
    few = ("quantize=true", "colours=3", "iterations=2", "scale=1")
    assert asap(*words, "output=few", *few).code == 0
    assert files(given / "few") == {"scale_1.png", "scale_1_palette.png", "sheet.png", "paint.json"}


PASTE = ("harmonize", "image=pasted.png", "mask=mask.png")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*PASTE, "scale=3"), "scale=3: this pyramid has scales 1 (coarse) to 2 (fine)"),
        ((*PASTE, "scale=0"), "scale=0: this pyramid has scales 1 (coarse) to 2 (fine)"),
        ((*PASTE, "scale=fine"), "scale=fine: a scale's number or all was expected"),
        (("edit", "image=pasted.png", "mask=short.png"), "short.png has 37 x 29 pixels, and the picture"),
        (("edit", "image=nothing.png", "mask=mask.png"), "nothing.png: there is no such file"),
        (("paint", "image=nothing.png"), "nothing.png: there is no such file"),
        (("paint", "image=pasted.png", "colours=1"), "colours=1: a whole number from 2 to 64"),
        (("sample", "ckpt=half.ckpt"), "has stopped at scale 1 of 3; resume it with asap singan train"),
        (("sample", "ckpt=nothing"), "there is no checkpoint nothing"),
        (("sample", "ckpt=mask.png"), "mask.png"),
        (("sample", "start_scale=3"), "start_scale=3: this pyramid has scales 0 (coarse) to 2 (fine)"),
        (("sample", "count=0"), "count=0: a whole number from 1"),
        (("sample", "size=[1,2,3]"), "numbers of pixels were expected, as size=[HEIGHT,WIDTH] or size=N"),
        (("sample", "size=64", "width=64"), "size= and height= or width= were both given"),
        (("sample", "output=mask.png"), "output=mask.png is a file"),
        (("animate", "alpha=2"), "alpha=2: a number from 0 to 1"),
        (("animate", "fps=99"), "fps=99: a number from 0.1 to 50"),
        (("super-resolve", "factor=1"), "factor=1: a number above 1"),
        (("super-resolve", "factor=large"), "factor=large: a number was expected"),
        (("smaple",), "there is no command 'asap singan smaple'. Did you mean sample?"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(asap, given: Path, words: Any, message: str) -> None:
    before = files(given)
    name, *rest = words
    defaults = [word for word in ("ckpt=p.ckpt", "output=out") if word.split("=")[0] not in " ".join(rest)]
    found = asap("singan", name, *(defaults if name != "smaple" else []), *rest)
    assert found.code == 2, found.out
    assert message in found.err and "Traceback" not in found.err
    assert files(given) - {"runs"} == before


def test_the_group_lists_its_commands(asap) -> None:
    shown_ = asap("singan", "--help")
    assert shown_.code == 0
    for name in ("sample", "super-resolve", "animate", "harmonize", "edit", "paint"):
        assert f"  {name} " in shown_.out
    assert asap("singan").code == 2
