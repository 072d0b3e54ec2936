import os
from pathlib import Path
from typing import Any

import pytest

from asap_lightning.tracking.artifacts import take_snapshot


def test_a_snapshot_is_a_second_name_that_outlives_the_first(tmp_path: Path) -> None:
    best = tmp_path / "best.ckpt"
    best.write_bytes(b"old")
    snapshot = take_snapshot(best, tmp_path / "kept")
    assert os.path.samefile(best, snapshot) and take_snapshot(best, tmp_path / "kept") == snapshot
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").replace(best)
    assert snapshot.read_bytes() == b"old" and take_snapshot(best, tmp_path / "kept") != snapshot


def test_a_disk_without_hard_links_gets_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    best = tmp_path / "best.ckpt"
    best.write_bytes(b"weights")
    snapshot = take_snapshot(best, tmp_path / "kept")
    assert snapshot.read_bytes() == b"weights" and not os.path.samefile(best, snapshot)
