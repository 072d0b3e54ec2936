"""``asap evaluate segmenter=..``: a fitted one is kept, missing weights of a published one are said."""

from __future__ import annotations

import json
from pathlib import Path

from asap_lightning.configuration.segmenter import SCORES


def test_a_segmenter_is_fitted_once_and_its_scores_are_reported(
    asap, trained: Path, facades: Path, tmp_path: Path
) -> None:
    given = (f"data.root={facades}", "data.num_workers=0", "segmenter.fit.steps=2", "segmenter.fit.width=8")
    reports = []
    for name in ("first", "second"):
        shown = asap("evaluate", f"ckpt={trained}", "segmenter=train", *given, f"output={name}")
        assert shown.code == 0, shown.err
        reports.append(json.loads((tmp_path / name / "metrics.json").read_text()))
    report = reports[0]
    assert set(SCORES) < set(report["metrics"])
    assert report["metrics"] == reports[1]["metrics"]
    assert "mIoU of the photos" in shown.out
    protocol = report["details"]["miou"]["protocol"]
    assert protocol["segmenter"] == "U-Net fitted to 9 real pairs (2 updates)"
    assert report["about"]["segmenter"]["kind"] == "train"
    assert "window" in report["details"]["miou"]["iou"]
    assert (tmp_path / "first" / "confusion.png").is_file()
    assert len(list((tmp_path / "runs" / "segmenters").glob("*.pt"))) == 1


def test_a_published_one_without_weights_or_for_other_classes(
    asap, trained: Path, facades: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "cache"))
    given = (f"ckpt={trained}", f"data.root={facades}", "data.num_workers=0", "segmenter=drn_d_105")
    missing = asap("evaluate", *given, "output=out")
    assert missing.code == 2
    assert "curl -fL --create-dirs" in missing.out + missing.err
    report = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert report["metrics"]["miou"] is None and report["metrics"]["psnr"] is not None
    assert "drn-d-105_ms_cityscapes.pth" in report["unavailable"]["miou"]["command"]
    allowed = asap("evaluate", *given, "output=out", "evaluation.allow_missing=true")
    assert allowed.code == 0
    wrong = asap("evaluate", *given, "segmenter.weights=nowhere.pth", "output=out")
    assert wrong.code == 2 and "there is no file nowhere.pth" in wrong.err
