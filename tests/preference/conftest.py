"""Folders of tiny pictures, and studies made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.preference.answers import Answers
from asap_lightning.preference.make import Sources, make_study
from asap_lightning.preference.protocol import Protocol
from asap_lightning.preference.study import ANSWERS, Study

ITEMS = 8
MakeFolder = Callable[..., Path]
Made = tuple[Study, Path]


@pytest.fixture
def pictures(tmp_path: Path) -> MakeFolder:
    """Writes a folder of random pictures, ``0.png`` and so on."""

    def write(name: str, count: int = ITEMS, size: tuple[int, int] = (16, 12)) -> Path:
        draw = np.random.default_rng(sum(map(ord, name)))
        folder = tmp_path / "sets" / name
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = draw.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        return folder

    return write


@pytest.fixture
def make(pictures: MakeFolder, tmp_path: Path) -> Callable[..., Made]:
    """Makes a study of systems with random pictures."""

    def write(*systems: str, real: bool = False, conditions: bool = False, **protocol: object) -> Made:
        sources = Sources(
            {name: pictures(name) for name in systems},
            pictures("photos") if real else None,
            pictures("conditions") if conditions else None,
        )
        settings = {"trials": 6, "practice": 2, "vigilance": 2, **protocol}
        out = tmp_path / "study"
        return make_study(sources, out, Protocol(**settings)), out  # type: ignore[arg-type]

    return write


@pytest.fixture
def answers(make: Callable[..., Made]) -> Iterator[Answers]:
    """The answers of a study of two systems with conditions."""
    study, folder = make("ours", "theirs", conditions=True)
    with Answers(folder / ANSWERS, study) as opened:
        yield opened


def without_watching(study: Study) -> Study:
    """The study without questions that do not count."""
    return replace(study, protocol=replace(study.protocol, practice=0, vigilance=0))
