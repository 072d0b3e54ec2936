"""``asap predict`` on images that go by strips: names, formats, resuming, mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def label(facades: Path, tmp_path: Path) -> Path:
    """A label map whose sides are no multiples of a tile."""
    (tmp_path / "labels").mkdir()
    with Image.open(facades / "base" / "cmp_b0001.png") as source:
        source.resize((77, 51), Image.Resampling.NEAREST).save(tmp_path / "labels/a.png")
    return tmp_path / "labels/a.png"


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_by_strips_and_in_memory_are_the_same_and_a_repeated_call_skips(
    asap, trained: Path, label: Path, tmp_path: Path
) -> None:
    arguments = ["predict", f"ckpt={trained}", f"input={label.parent}"]
    np.save(label.with_name("b.npy"), pixels(label).astype(np.uint8))
    assert asap(*arguments, "output=memory", "large=never").code == 0
    shown = asap(*arguments, "output=out", "large=always", "large_format=cog")
    assert shown.code == 0, shown.err
    assert np.abs(pixels(tmp_path / "out/a.tif") - pixels(tmp_path / "memory/a.png")).max() <= 1
    assert np.array_equal(pixels(tmp_path / "out/b.tif"), pixels(tmp_path / "out/a.tif"))
    assert "a.png is translated by strips" in shown.err
    again = asap(*arguments, "output=out", "large=always", "large_format=cog")
    assert "2 of 2 images are there already" in again.err, again.err


def test_a_truncated_file_is_listed_and_leaves_nothing(
    asap, trained: Path, label: Path, tmp_path: Path
) -> None:
    label.write_bytes(label.read_bytes()[:-60])
    shown = asap(
        "predict", f"ckpt={trained}", f"input={label}", "output=out", "large=always", "large_format=png"
    )
    assert shown.code == 2
    assert "a.png cannot be decoded, it is truncated or damaged" in shown.err
    assert not list((tmp_path / "out").glob("*"))
