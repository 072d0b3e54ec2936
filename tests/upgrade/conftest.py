"""``asap`` called inside the test process."""

from __future__ import annotations

from pathlib import Path

import pytest

from calling import Asap, caller


@pytest.fixture
def asap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Asap:
    """Calls ``asap ARGUMENTS`` in an empty working folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return caller(capfd)
