"""``asap predict`` of a list and of shards: pictures, manifest, messages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def labels(tmp_path: Path) -> list[str]:
    random = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for number in range(3):
        Image.fromarray(random.integers(1, 13, (32, 48), dtype=np.uint8)).save(tmp_path / f"in/{number}.png")
    (tmp_path / "list.txt").write_text("in/0.png\nin/1.png\nin/2.png\nin/none.png\n")
    return ["in/0", "in/1", "in/2"]


def rows(folder: Path) -> dict[str, dict[str, str]]:
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    return {row["name"]: row for row in map(json.loads, lines)}


def test_a_list_is_translated_and_what_fails_is_told(asap, trained, labels, tmp_path):
    outcome = asap("predict", f"ckpt={trained}", "input=list.txt", "output=out")
    assert outcome.code == 2 and "1 of 4 pictures could not be translated" in outcome.err
    assert "in/none.png cannot be read: No such file" in outcome.err
    made = rows(tmp_path / "out")
    assert [name for name, row in made.items() if row["status"] == "done"] == labels
    (tmp_path / "list.txt").write_text("in/0.png\nin/1.png\nin/2.png\n")
    outcome = asap("predict", f"ckpt={trained}", "input=list.txt", "output=out")
    assert outcome.code == 0 and "3 of 3 pictures there already" in outcome.err
    single = asap("predict", f"ckpt={trained}", "input=in", "output=single")
    assert single.code == 0, single.err
    for number in range(3):
        pictures = [
            np.asarray(Image.open(tmp_path / f"{folder}/{number}.png")) for folder in ("out/in", "single")
        ]
        assert np.array_equal(*pictures)


def test_shards_in_and_shards_out(asap, trained, facades, tmp_path):
    shards = tmp_path / "shards"
    source = ("data=facades", f"data.root={facades}", "data.layout.split=ratio")
    assert asap("data", "shard", *source, f"out={shards}").code == 0
    command = ("predict", f"ckpt={trained}", f"input={shards}", "output=out", "batch.write=shards")
    outcome = asap(*command, "batch.split=val")
    assert outcome.code == 0, outcome.err
    (name, row), *others = rows(tmp_path / "out").items()
    assert row["file"] == "pictures-000000.tar" and row["member"] == f"{name}.png" and not others
    assert row["source_digest"].startswith("crc32:")
    assert asap(*command, "batch.split=val").code == 0
    wrong = asap(*command, "batch.split=val", "labels.label_values={1:0}")
    assert wrong.code == 2 and "shards say how their label maps are read" in wrong.err


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("engine=spark", "engine=spark: local or ray was expected"),
        ("part=0/2", "part=0/2: a list and shards are shared by the workers"),
        ("batch.write=boxes", "batch.write=boxes: files or shards"),
        ("batch.split=all", "batch.split=all: one of train, val, test"),
        ("input=none.csv", "none.csv cannot be read: No such file"),
        ("batch.workers=0", "batch.workers=0: at least 1"),
    ],
)
def test_a_mistake_is_one_line(asap, trained, labels, override, message):
    outcome = asap("predict", f"ckpt={trained}", "input=list.txt", "output=out", override)
    assert outcome.code == 2 and message in outcome.err and "Traceback" not in outcome.err
