"""``asap video``: one run of everything, and what is said of mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from films import read_film, write_film

pytest.importorskip("av")


@pytest.fixture
def film(tmp_path):
    random = np.random.default_rng(0)
    return write_film(
        tmp_path / "in.mkv", [random.integers(1, 13, (32, 48), dtype=np.uint8) for _ in range(5)]
    )


def test_a_video_is_translated_and_its_throughput_printed(asap, trained, film, tmp_path):
    outcome = asap("video", f"ckpt={trained}", "input=in.mkv", "output=out.mp4", "smoothing=0.5", "frames=4")
    assert outcome.code == 0, outcome.err
    for shown in ("4 of 48 x 32", "frames/s", "busy translating", "flicker where still", "scenes"):
        assert shown in outcome.out
    assert read_film(tmp_path / "out.mp4")[0].shape == (4, 32, 48, 3)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("smoothing=1", "smoothing=1: a number from 0"),
        ("frames=0", "frames=0: at least 1"),
        ("audio=louder", "audio=louder: copy or none"),
        ("overwrite=changed", "overwrite=changed: true or false"),
        ("crf=90", "crf=90: a number from 0 to 51"),
        ("style.seed=0..3", "style.seed=0..3"),
        ("input=camera:97", "camera /dev/video97"),
    ],
)
def test_a_mistake_is_one_line(asap, trained, film, override, message):
    outcome = asap("video", f"ckpt={trained}", "input=in.mkv", "output=out.mp4", override)
    assert outcome.code == 2 and message in outcome.err and "Traceback" not in outcome.err
