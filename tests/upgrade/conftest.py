"""``asap`` called inside the test process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from asap_lightning import cli


@dataclass(frozen=True)
class Outcome:
    """How a call of ``asap`` ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def asap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Calls ``asap ARGUMENTS`` in an empty working folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def call(*arguments: object) -> Outcome:
        return Outcome(cli.main([str(argument) for argument in arguments]), *capfd.readouterr())

    return call
