"""Calling ``asap`` inside the test process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from asap_lightning import cli


@dataclass(frozen=True)
class Outcome:
    """How a call of ``asap`` ended."""

    code: int
    out: str
    err: str


Asap = Callable[..., Outcome]


def caller(capfd: pytest.CaptureFixture[str]) -> Asap:
    """Calls ``asap ARGUMENTS`` in the working folder."""

    def call(*arguments: object) -> Outcome:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Outcome(code, *capfd.readouterr())

    return call
