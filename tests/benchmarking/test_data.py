"""``asap benchmark data``: every layout is measured, and the profile says where the time goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asap_lightning import cli
from asap_lightning.benchmarking import data, data_trees
from asap_lightning.benchmarking.cases import FACADES, Case
from asap_lightning.benchmarking.report import compare, table


@pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning")
def test_every_layout_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_trees, "PAIRS", 12)
    rows = list(data.data_rows([Case("tiny", FACADES, 32, 32)], repeats=2))
    names = [row["operation"] for row in rows if row["side"] == "one core"]
    assert names[:6] == ["facades", "spade_folders", "folders", "pairs", "photos, canny", "shards"]
    assert names[6:] == [f"shards resized {kind}" for kind in ("ppm", "png", "jpeg")]
    for row in rows:
        assert row["images_per_second"] > 0
        if row["side"] == "one core":
            assert row["profile"]["decode"] > 0 and all(ms >= 0 for ms in row["profile"].values())
            assert ("times_files" in row) == row["operation"].startswith("shards")
    resized = next(row["profile"] for row in rows if row["operation"] == "shards resized ppm")
    assert resized["find"] > 0 and resized["resize"] < 0.5 * rows[0]["profile"]["resize"]
    assert "x files" in table(rows) and "decode" in table(rows)
    assert compare(rows, rows)[1] == 0


def test_a_data_set_of_ones_own(trees, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = trees.cityscapes({"train": 3, "val": 1})
    words = ["data=cityscapes", f"data.root={root}", "data.height=8", "data.width=8"]
    output = tmp_path / "rows.json"
    code = cli.main(["benchmark", "data", "--repeats", "1", "--output", str(output), "--data", *words])
    assert code == 0, capsys.readouterr().err
    rows = json.loads(output.read_text())["rows"]
    assert [row["operation"] for row in rows][:2] == ["cityscapes", "shards"] and len(rows) == 5
    assert "x files" in capsys.readouterr().out
    assert cli.main(["benchmark", "ops", "--data", *words]) == 2
    assert "--data is for the data suite" in capsys.readouterr().err
