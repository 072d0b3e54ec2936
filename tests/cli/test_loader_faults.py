"""A loader worker that dies, and a file that is bad in the middle of an epoch."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import pytest
from torch.utils.data import get_worker_info

from asap_lightning.data.dataset import PairedDataset


@pytest.mark.parametrize("after", [1, 3])
def test_a_worker_that_dies(train, monkeypatch: pytest.MonkeyPatch, after: int):
    original, read = PairedDataset.__getitems__, []

    def dying(self, keys):
        read.append(1)
        if get_worker_info() is not None and len(read) > after:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, keys)

    monkeypatch.setattr(PairedDataset, "__getitems__", dying)
    shown = train("data.num_workers=1", "hydra.run.dir=run", "trainer.max_epochs=5")
    assert shown.code == 2 and "Traceback" not in shown.err, shown.err
    assert re.search(
        r"a loader worker \(process \d+\) (was killed by the signal Killed|ended unexpectedly)", shown.err
    )
    assert "data.num_workers" in shown.err and "ckpt=last" in shown.err


def test_a_bad_file_in_the_middle_of_an_epoch(train, facades: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(facades, copy)
    content = (copy / "base/cmp_b0007.jpg").read_bytes()
    (copy / "base/cmp_b0007.jpg").write_bytes(content[: len(content) // 2])
    shown = train(f"data.root={copy}", "data.num_workers=2", "data.batch_size=1", "data.shuffle=false")
    assert shown.code == 2 and "Traceback" not in shown.err
    assert shown.err.count("base/cmp_b0007.jpg cannot be decoded, it is truncated or damaged") == 1
