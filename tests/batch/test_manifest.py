"""The manifest: rows appended, read back, cut off, put in order."""

from __future__ import annotations

import json

import pytest

from asap_lightning.batch.manifest import Manifest, Row, parse_row
from asap_lightning.errors import UserError

A = Row("a/é", "in/a.png", "done", "a.png", "", "12", "34", "56")
B = Row("b", "in/b.png", "failed", error="it is\nbad")


def test_rows_come_back_and_the_last_of_a_name_counts(tmp_path):
    manifest = Manifest(tmp_path / "out")
    assert manifest.load() == {}
    manifest.append([A, B])
    again = Row("b", "in/b.png", "done", "b.png")
    manifest.append([again])
    manifest.append([])
    assert manifest.load() == {"a/é": A, "b": again}


def test_a_line_that_was_cut_off_is_removed(tmp_path):
    manifest = Manifest(tmp_path)
    manifest.append([A, B])
    content = manifest.path.read_bytes()
    manifest.path.write_bytes(content[:-5])
    assert manifest.load() == {A.name: A}
    manifest.append([B])
    assert manifest.path.read_bytes() == content


def test_at_the_end_there_is_one_row_a_picture_in_the_order_of_the_input(tmp_path):
    manifest = Manifest(tmp_path)
    old = Row("0", "in/0.png", "done", "0.png")
    manifest.append([B, A, B, old])
    manifest.finish(["a/é", "b", "never"], manifest.load())
    assert [json.loads(line)["name"] for line in manifest.path.read_text().splitlines()] == ["a/é", "b", "0"]


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "{}",
        '{"name": "a", "source": "s", "status": "good"}',
        '{"name": "../a", "source": "s", "status": "done"}',
        '{"name": "a", "source": "s", "status": "done", "file": "/etc/passwd"}',
        '{"name": "a", "source": "s", "status": "done", "more": "x"}',
        '{"name": "a", "source": 1, "status": "done"}',
    ],
)
def test_rows_of_strangers(line):
    with pytest.raises(UserError, match="here"):
        parse_row(line, "here")
