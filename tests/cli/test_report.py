"""``asap report training`` and ``compare`` of a run that was really trained."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def run(train, tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "first"
    writers = [
        f"+callbacks.{name}._target_=asap_lightning.training.callbacks.{target}"
        for name, target in (("sample_grid", "SampleGrid"), ("metrics_csv", "MetricsCsv"))
    ]
    steps = ("trainer.max_steps=2", "trainer.log_every_n_steps=1")
    assert train(*writers, *steps, f"hydra.run.dir={folder}").code == 0
    return folder


def test_a_run_and_a_comparison(run: Path, asap, tmp_path: Path) -> None:
    shown = asap("report", "training", run)
    assert shown.code == 0, shown.err
    assert shown.out == f"finished at step 2\nreport  {run / 'report.html'}\n"
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "PSNR (dB)" in page and "data:image/webp" in page and "mlp_width: 8" in page

    other = shutil.copytree(run, tmp_path / "runs" / "second")
    (other / "checkpoints" / "best.ckpt").unlink(missing_ok=True)
    (other / "checkpoints" / "last.ckpt").unlink()
    shown = asap("report", "compare", run, other, "--repeats", 1, "--out", tmp_path / "both.html")
    assert shown.code == 0, shown.err
    page = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert re.search("Latency: the fastest of several calls for one image of 64 x 64 on c(pu|uda)", page)
    assert "of unknown size and latency: second" in page
    assert page.count("<th>condition</th>") == 1, "both were validated on the same samples"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("training", "nowhere"), "is not a folder"),
        (("training", "."), "is not the folder of a run"),
        (("compare", ".", "."), "is named twice"),
        (("training", ".", "--pictures", "-1"), "expected a number of at least 0"),
        (("compare", ".", "--repeats", "few"), "expected a number of at least 0, got 'few'"),
    ],
)
def test_mistakes(asap, words: tuple[str, ...], message: str) -> None:
    shown = asap("report", *words)
    assert shown.code == 2 and message in shown.err and "Traceback" not in shown.err
