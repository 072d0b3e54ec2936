"""A paper's tables: published beside measured, never two protocols in one column."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from asap_lightning.commands import report
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.metrics import direction_of
from asap_lightning.reports.paper import PAPERS, Archive, find_measurements, find_timings, render_paper

SPADE = PAPERS["spade"].tables[0]
PROTOCOL = {"split": "val", "height": 256, "width": 512, "limit": None}


def training(runs: Path, *words: str, experiment: str = "spade_cityscapes", finished: bool = True) -> Path:
    folder = runs / experiment / f"time{len(list(runs.glob('*/*')))}"
    (folder / ".hydra").mkdir(parents=True)
    lines = [f"- experiment={experiment}", "- data.root=/somewhere", *(f"- {word}" for word in words)]
    (folder / ".hydra/overrides.yaml").write_text("\n".join(lines))
    (folder / "config.yaml").write_text("{}")
    if finished:
        (folder / "finished.json").write_text("{}")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints/best.ckpt").touch()
    return folder


def evaluation(
    runs: Path, run: Path, values: dict[str, Any], segmenter: str | None = "drn_d_105", **changed: Any
) -> Path:
    folder = runs / "evaluate" / f"time{len(list(runs.glob('evaluate/*')))}"
    folder.mkdir(parents=True)
    about = {"checkpoint": str(run / "checkpoints/best.ckpt"), "data": {**PROTOCOL, **changed}}
    about["segmenter"] = {"kind": segmenter or "none"}
    content = {"about": about, "images": 1, "metrics": values, "per_image": {"a": {}}}
    (folder / "metrics.json").write_text(json.dumps(content))
    return folder / "metrics.json"


def found(runs: Path):
    (one,) = [one for one in find_measurements(SPADE, Archive.read(runs)) if one.row.system == "SPADE"]
    return one


def test_without_a_run_the_commands_are_named(tmp_path):
    one = found(tmp_path)
    assert one.run is None and not one.values
    assert one.missing[0] == "asap train experiment=spade_cityscapes data.root=DIR"
    assert "ckpt=best name=spade_cityscapes evaluation=paper_spade segmenter=drn_d_105" in one.missing[1]


def test_what_was_measured_by_the_protocol_is_taken(tmp_path):
    run = training(tmp_path)
    evaluation(tmp_path, run, {"miou": 0.6, "pixel_accuracy": 0.8, "fid": None})
    one = found(tmp_path)
    assert one.run == run and one.state == "finished" and one.changes == ()
    assert one.values == {"miou": 0.6, "pixel_accuracy": 0.8}
    (missing,) = one.missing
    assert missing.startswith(f"asap evaluate ckpt={run} ") and missing.endswith("# fid")


@pytest.mark.parametrize("changed", [{"height": 128}, {"split": "train"}, {"limit": 50}])
def test_another_protocol_is_listed_and_left_out(tmp_path, changed):
    run = training(tmp_path)
    path = evaluation(tmp_path, run, {"miou": 0.9, "fid": 1.0}, **changed)
    one = found(tmp_path)
    ((key, value),) = changed.items()
    assert one.values == {}
    assert one.elsewhere == (f"{path}: {key} {value}, the table has {PROTOCOL[key]}",)


def test_another_segmenter_is_another_protocol(tmp_path):
    run = training(tmp_path)
    evaluation(tmp_path, run, {"miou": 0.9}, segmenter="train")
    assert found(tmp_path).values == {}
    assert "segmenter train, the table has drn_d_105" in found(tmp_path).elsewhere[0]
    evaluation(tmp_path, run, {"miou": 0.9, "fid": 70.0}, segmenter=None)
    assert found(tmp_path).values == {"fid": 70.0}, "nobody says what the mIoU was read with"


def test_evaluations_of_other_runs_do_not_count(tmp_path):
    training(tmp_path)
    evaluation(tmp_path, tmp_path / "spade_cityscapes_other", {"miou": 0.9})
    assert found(tmp_path).values == {}


def test_a_changed_recipe_says_so(tmp_path):
    training(tmp_path, "generator.width=8", "logger=csv", finished=False)
    one = found(tmp_path)
    assert one.changes == ("generator.width=8",) and one.state == "stopped"
    assert one.missing[0].endswith("ckpt=last    # goes on: stopped")


def test_strange_files_are_passed_over(tmp_path):
    run = training(tmp_path)
    for number, text in enumerate(("[1, 2]", "not json", '{"about": 3}', '{"metrics": {"miou": "0.9"}}')):
        (tmp_path / f"evaluate/{number}").mkdir(parents=True)
        (tmp_path / f"evaluate/{number}/metrics.json").write_text(text)
    (run / ".hydra/overrides.yaml").write_text("experiment: spade_cityscapes")
    assert found(tmp_path).run is None


def test_times_of_two_files_are_not_mixed(tmp_path):
    rows = [
        {"case": "facades-512", "side": "native", "ms": 100.0},
        {"case": "facades-512", "side": "pix2pixhd", "ms": 400.0},
        {"case": "elsewhere", "side": "native", "ms": 1.0},
        {"case": "facades-512", "side": "spade", "ms": None},
    ]
    machine = {"processor": "P", "device": "cpu", "native": "avx2"}
    for name, kept in (("two.json", rows), ("one.json", rows[:1])):
        (tmp_path / name).write_text(json.dumps({"suite": "inference", "machine": machine, "rows": kept}))
    (tmp_path / "other.json").write_text('{"suite": "ops", "rows": []}')
    (table,) = PAPERS["asap"].timings
    times = find_timings(table, tmp_path)
    assert times == {
        "one.json: P, cpu, avx2": {("ASAP-Net", "512 x 512"): 100.0},
        "two.json: P, cpu, avx2": {("ASAP-Net", "512 x 512"): 100.0, ("pix2pixHD", "512 x 512"): 400.0},
    }
    written = render_paper(PAPERS["asap"], "asap", tmp_path / "runs", tmp_path, tmp_path / "out")
    assert "| pix2pixHD | - | - | 400 (4 x) |" in written["md"].read_text()


@pytest.mark.parametrize("name", PAPERS)
def test_every_paper_is_written_without_any_run(tmp_path, capsys, name):
    arguments = ["paper", name, f"--runs={tmp_path}", f"--benchmarks={tmp_path}", f"--out={tmp_path / 'out'}"]
    assert report.main(arguments) == 0
    assert "asap train experiment=" in capsys.readouterr().out
    content = json.loads((tmp_path / f"out/paper_{name}.json").read_text())
    rows = list(csv.DictReader((tmp_path / f"out/paper_{name}.csv").read_text().splitlines()))
    published = [row for table in content["tables"] for row in table["rows"]]
    assert len(published) == len({(row["table"], row["system"]) for row in rows if row["metric"][:2] != "ms"})
    assert all(value is None for row in published for value in row["measured"].values())


def test_every_recipe_and_metric_that_a_table_names_exists():
    experiments = {path.stem for path in (conf_dir() / "experiment").glob("*.yaml")}
    for paper in PAPERS.values():
        for table in paper.tables:
            assert {row.experiment for row in table.rows} - {None} <= experiments
            assert table.protocol.segmenter in {
                None,
                *(path.stem for path in (conf_dir() / "segmenter").glob("*")),
            }
            assert all(set(row.published) == set(table.metrics) for row in table.rows)
            assert {direction_of(metric) for metric in table.metrics} <= {"max", "min", None}
