"""``asap evaluate folders real=A fake=B``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from asap_lightning.commands.evaluate_folders import require_measurable, size_of
from asap_lightning.errors import UserError
from asap_lightning.metrics import MetricSuite


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Two folders of three pictures of the same names."""
    for side, first in (("photos", 0), ("generated", 10)):
        (tmp_path / side).mkdir()
        for index in range(3):
            pixels = np.random.default_rng(first + index).integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / side / f"{index}.png")
    return "real=photos", "fake=generated"


def test_two_folders_are_measured(asap, folders: tuple[str, str], tmp_path: Path) -> None:
    shown = asap("evaluate", "folders", *folders, "output=out", "evaluation.metrics=[psnr,ssim,l1]")
    assert shown.code == 0, shown.err
    report = json.loads((tmp_path / "out/metrics.json").read_text())
    assert report["images"] == 3 and set(report["metrics"]) == {"psnr", "ssim", "l1"}
    assert report["about"]["counts"] == {"fake": 3, "real": 3} and report["about"]["data"]["pairs"] == 3
    assert "PSNR" in shown.out and (tmp_path / "out/samples.png").is_file()

    (tmp_path / "generated" / "2.png").unlink()
    words = ("evaluation=custom", "evaluation.metrics=[psnr]", "output=none")
    shown = asap("evaluate", "folders", *folders, *words)
    assert shown.code == 2 and not (tmp_path / "none").exists()
    assert "psnr compare pairs, but the pictures are no pairs (2 generated, 3 real)" in shown.err
    shown = asap("evaluate", "folders", "real=photos")
    assert shown.code == 2 and "fake=DIR is missing" in shown.err


def test_pairs_are_required_before_anything_is_read() -> None:
    lacking = MetricSuite(("psnr", "l1"), lacking={"pairs": "of a reason"})
    for allow_missing in (False, True):  # nothing else would be left
        with pytest.raises(UserError, match="psnr, l1 compare pairs, but of a reason"):
            require_measurable(lacking, "of a reason", allow_missing=allow_missing)
    require_measurable(MetricSuite(("psnr",)), None, allow_missing=False)


def test_a_size_is_one_number_or_two() -> None:
    assert (size_of(None), size_of(64), size_of(OmegaConf.create([32, 64]))) == (None, (64, 64), (32, 64))
    for wrong in (0, "large", OmegaConf.create([1, 2, 3]), OmegaConf.create([1, -2])):
        with pytest.raises(UserError, match=r"size=.*: N or \[HEIGHT,WIDTH\] from 1 to 16384"):
            size_of(wrong)
