"""The pages in a browser: no error, plots drawn."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.metrics import METRICS
from asap_lightning.reports import (
    compare,
    read_runs,
    write_comparison,
    write_sweep_report,
    write_training_report,
)

from .conftest import MakeRun
from .test_sweep import JOBS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1280,1600",
    "--virtual-time-budget=8000",
]


def opened(page: Path, folder: Path) -> tuple[str, np.ndarray]:
    """The document after its scripts have run, and a picture of it."""
    assert CHROMIUM is not None
    shot = folder / f"{page.stem}.png"
    command = [
        CHROMIUM,
        *QUIET,
        f"--user-data-dir={folder / page.stem}",
        f"--screenshot={shot}",
        "--dump-dom",
    ]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Uncaught" not in done.stderr
    return done.stdout, np.asarray(Image.open(shot).convert("RGB"))


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")
def test_the_pages_are_drawn_without_an_error(make_run: MakeRun, tmp_path: Path) -> None:
    runs = read_runs([make_run("first"), make_run("second", samples=3)])
    pages = {name: tmp_path / f"{name}.html" for name in ("training", "comparison", "sweep")}
    write_training_report(runs[0], pages["training"])
    write_comparison(compare(runs, {}), pages["comparison"])
    write_sweep_report(JOBS, METRICS["psnr"], pages["sweep"], "Sweep")
    # Curves of each page: thick and faint ones where they are smoothed, markers of the scatter plots.
    for name, figures, lines in (("training", 4, 8), ("comparison", 5, 16), ("sweep", 3, 3)):
        document, picture = opened(pages[name], tmp_path)
        assert 'id="errors"' not in document, f"{name}: the page shows an error"
        assert f'data-drawn="{figures}"' in document, name
        assert len(re.findall(r'<g class="trace scatter', document)) == lines, name
        blue = (abs(picture.astype(int) - (0x3B, 0x82, 0xD6)).max(axis=2) < 12).sum()
        assert name == "sweep" or blue > 300, f"{name}: no blue curve in the picture"
    assert "parcoords" in document
