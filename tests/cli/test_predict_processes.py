"""Two ``asap predict`` on one folder, one of them killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from waiting import wait_for

COUNT = 60


@pytest.mark.slow
def test_one_of_two_is_killed_and_nothing_is_lost_or_made_twice(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    random = np.random.default_rng(0)
    for number in range(COUNT):
        ids = random.integers(1, 13, (256, 256), dtype=np.uint8)
        Image.fromarray(ids).save(tmp_path / f"labels/{number:03d}.png")
    command = [
        sys.executable,
        "-m",
        "asap_lightning",
        "predict",
        f"ckpt={trained}",
        "input=labels",
        "output=out",
    ]
    processes = [
        subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    out = tmp_path / "out"
    wait_for(lambda: len(list(out.glob("*.png"))) >= 3, "three pictures are written")
    processes[0].send_signal(signal.SIGKILL)
    shown = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [-signal.SIGKILL, 0], shown
    made = sorted(out.glob("*.png"))
    assert len(made) == COUNT
    for path in made:
        with Image.open(path) as image:
            assert image.size == (256, 256) and image.load() is not None
    times = {path: path.stat().st_mtime_ns for path in made}
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"{COUNT} of {COUNT} images are there already" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in made} == times
    assert not (out / ".claims").exists()
