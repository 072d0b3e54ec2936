"""Two processes, as torchrun starts them, write one process's report."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.ddp


def two(folder: Path, *words: str) -> list[int]:
    """Exit codes of both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "asap_lightning", "evaluate", *words],
            cwd=folder,
            env={**common, "OMP_NUM_THREADS": "1", "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.DEVNULL,
        )
        for rank in range(2)
    ]
    return [process.wait(timeout=240) for process in processes]


def figures(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def test_of_a_checkpoint(asap, trained: Path, facades: Path, tmp_path: Path) -> None:
    words = (f"ckpt={trained}", f"data.root={facades}", "data.num_workers=0", "split=train", "device=cpu")
    assert asap("evaluate", *words, "output=one").code == 0
    assert two(tmp_path, *words, "output=two") == [0, 0]
    one, both = figures(tmp_path / "one"), figures(tmp_path / "two")
    assert both["images"] == one["images"] == 9
    assert both["per_image"] == one["per_image"] and [*both["per_image"]] == [*one["per_image"]]
    assert both["metrics"] == pytest.approx(one["metrics"], rel=1e-12)
    for name in ("images.csv", "samples.png"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_of_folders(asap, tmp_path: Path) -> None:
    from asap_lightning.data.panels import save_png

    random = np.random.default_rng(0)
    for folder in ("real", "fake"):
        (tmp_path / folder).mkdir()
        for number in range(5):
            save_png(tmp_path / folder / f"{number}.png", random.integers(0, 255, (16, 16, 3), np.uint8))
    words = ("real=real", "fake=fake", "evaluation=custom", "evaluation.metrics=[psnr,l1]", "batch_size=2")
    assert asap("evaluate", "folders", *words, "output=one").code == 0
    assert two(tmp_path, "folders", *words, "output=two") == [0, 0]
    one, both = figures(tmp_path / "one"), figures(tmp_path / "two")
    assert both["per_image"] == one["per_image"] and both["metrics"] == pytest.approx(one["metrics"])


def test_processes_that_cannot_meet_are_refused(asap, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("RANK", "1"), monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    shown = asap("evaluate", "ckpt=a.ckpt")
    assert shown.code == 2 and "MASTER_ADDR and MASTER_PORT are not set" in shown.err
    shown = asap("evaluate", "compare", "a", "b")
    assert shown.code == 2 and "asap evaluate compare is one process" in shown.err
