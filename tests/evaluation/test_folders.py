"""Folders of pictures that other programs wrote, measured by the same ruler."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from asap_lightning.errors import UserError
from asap_lightning.evaluation.folders import evaluate_folders, no_pairs, open_folder
from asap_lightning.metrics import MetricSuite, image_scores


def picture(seed: int, height: int = 24, width: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def write(folder: Path, **pictures: np.ndarray) -> Path:
    """Pictures as PNG files; ``__`` in a name is a folder."""
    for name, pixels in pictures.items():
        path = folder / f"{name.replace('__', '/')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> dict:
    """A small network of the user's own."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    torch.save(network.state_dict(), tmp_path / "small.pth")
    return {"custom": {"network": network, "weights": str(tmp_path / "small.pth")}}


def test_pairs_are_compared_whatever_their_format_and_place(tmp_path: Path) -> None:
    real = write(tmp_path / "real", a=picture(0), deep__b=picture(1, 30, 16))
    fake = write(tmp_path / "fake", a=picture(2))
    (fake / "deep").mkdir()
    Image.fromarray(picture(3, 30, 16)).save(fake / "deep" / "b.bmp")
    Image.fromarray(picture(4)).convert("RGBA").save(fake / "a.png")
    seen: list[int] = []
    report = evaluate_folders(
        open_folder(fake, "fake"), open_folder(real, "real"), MetricSuite(), on_image=lambda: seen.append(1)
    )
    assert [row.name for row in report.rows] == ["a", "deep/b"] and len(seen) == 4
    signed = [torch.from_numpy(p).permute(2, 0, 1) / 127.5 - 1 for p in (picture(4), picture(0))]
    assert report.rows[0].scores == pytest.approx(image_scores(*signed))
    assert report.scores["l1"] == pytest.approx(sum(report.values("l1")) / 2)
    (warning,) = report.results.warnings
    assert "2 sizes" in warning and "2 of 20 x 24" in warning
    assert set(report.save(tmp_path / "out")) == {"metrics", "images", "samples"}


def test_sets_need_no_pairs_nor_equal_numbers(tmp_path: Path, settings: dict) -> None:
    real = write(tmp_path / "real", **{f"photo{i}": picture(i) for i in range(9)})
    fake = write(tmp_path / "fake", **{f"made{i}": picture(100 + i) // 2 for i in range(7)})
    names = ("psnr", "fd_custom", "kid_custom", "coverage_custom")
    folders = open_folder(fake, "fake"), open_folder(real, "real")
    reason = no_pairs(*folders)
    assert reason is not None
    assert "7 generated, 9 real" in reason and "made0, made1, made2 and 4 more" in reason
    suite = MetricSuite(names, settings=settings, lacking={"pairs": reason})
    report = evaluate_folders(*folders, suite, batch=4)
    assert report.results.values["psnr"] is None and report.results.unavailable["psnr"].reason == reason
    assert report.results.images == (7, 9) and len(report.rows) == 7 and report.of_images == []
    assert report.scores["fd_custom"] > 0 and report.scores.keys() == set(names) - {"psnr"}
    same = evaluate_folders(folders[1], folders[1], MetricSuite(("fd_custom",), settings=settings))
    assert same.scores["fd_custom"] == pytest.approx(0, abs=1e-9)


def test_pictures_are_brought_to_one_size(tmp_path: Path) -> None:
    real, fake = (
        write(tmp_path / "real", a=picture(0, 40, 40)),
        write(tmp_path / "fake", a=picture(0, 20, 24)),
    )
    unequal = no_pairs(open_folder(fake, "fake"), open_folder(real, "real"))
    assert unequal is not None
    assert "1 pair of different sizes: 'a' is 24 x 20" in unequal and "size=N" in unequal
    both = open_folder(fake, "fake", (16, 12)), open_folder(real, "real", (16, 12))
    assert no_pairs(*both) is None and both[0].read("a").shape == (16, 12, 3)
    report = evaluate_folders(*both, MetricSuite(("l1",)))
    assert report.results.warnings == [] and 0 < report.scores["l1"] < 1


def test_folders_that_cannot_be_measured_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no picture")
    with pytest.raises(UserError, match=r"real=.*empty: the folder holds no picture"):
        open_folder(tmp_path / "empty", "real")
    with pytest.raises(UserError, match=r"fake=.*nowhere: there is no such folder"):
        open_folder(tmp_path / "nowhere", "fake")
    bad = write(tmp_path / "bad", a=picture(0))
    (bad / "b.png").write_bytes((bad / "a.png").read_bytes()[:50])
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(bad / "c.tif")
    folder = open_folder(bad, "fake")
    for name, expected in (("b", "b.png"), ("c", "c.tif holds floating-point values")):
        with pytest.raises(UserError, match=expected):
            folder.read(name)
    (bad / "d.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"d\.png is not an image"):
        open_folder(bad, "fake")


def test_one_name_twice_in_a_folder_is_two_pictures(tmp_path: Path) -> None:
    folder = write(tmp_path / "real", a=picture(0))
    Image.fromarray(picture(1)).save(folder / "a.bmp")
    assert set(open_folder(folder, "real").files) == {"a.bmp", "a.png"}
