"""Dashboards against what a run really logs, without a server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from asap_lightning.errors import UserError
from asap_lightning.evaluation.cost.callback import ModelCost
from asap_lightning.tracking import (
    OfflineRun,
    find_offline_runs,
    finished_runs,
    make_wandb_logger,
    read_offline_run,
)
from asap_lightning.tracking.dashboards import KINDS, Subject, build_dashboard
from asap_lightning.tracking.dashboards.kinds import ON_GPU
from asap_lightning.training import make_trainer
from asap_lightning.training.callbacks import Diagnostics, SampleGrid, SampleTable, Throughput

from ..conftest import Batches, small_module
from .specs import named, panels_of

CONFIG = {"generator": {"s1": 2, "s2": 2, "mlp_width": 4, "mlp_depth": 2}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> OfflineRun:
    """An offline run with the callbacks of ``conf/callbacks/default.yaml`` that log."""
    folder = tmp_path_factory.mktemp("run")
    logger = make_wandb_logger(folder, mode="offline", config=CONFIG)
    trainer = make_trainer(
        accelerator="cpu",
        default_root_dir=folder,
        logger=logger,
        callbacks=[
            Throughput(),
            Diagnostics(histogram_every=2, bins=4),
            Sized(),
            SampleGrid(count=2),
            SampleTable(count=2, longest=8),
        ],
        max_steps=4,
        max_epochs=-1,
        log_every_n_steps=2,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
    )
    with finished_runs([logger]):
        trainer.fit(small_module(), Batches(4), Batches(1))
    (found,) = find_offline_runs(folder)
    return read_offline_run(found)


class Sized(ModelCost):
    """`ModelCost` of images whose size no data module tells."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        trainer.datamodule = type("Data", (), {"height": 16, "width": 16})()
        super().on_train_start(trainer, pl_module)
        trainer.datamodule = None


def flat(values: dict[str, Any], prefix: str = "") -> set[str]:
    names: set[str] = set()
    for key, value in values.items():
        names |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
    return names


def specs(kind: str, **subject: Any) -> dict[str, dict[str, Any]]:
    content = json.loads(json.dumps(build_dashboard(kind, Subject(**subject)).as_dict(), allow_nan=False))
    return {part: content[part]["spec"] for part in ("workspace", "report")}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["workspace", "report"])
def test_every_panel_shows_what_a_run_logs(kind: str, part: str, run: OfflineRun) -> None:
    asked = named(panels_of(specs(kind)[part]))
    # _step is W&B's own; trainer/global_step is both logged and the x-axis.
    assert asked["history"] - run.keys == ({ON_GPU.logged} if kind == "training" else set())
    for pattern in asked["patterns"]:
        assert [key for key in run.keys if re.search(pattern, key)], pattern
    assert asked["summary"] <= flat(run.summary)
    config = {f"{top}.value.{rest}" for top, _, rest in (name.partition(".") for name in flat(run.config))}
    assert asked["config"] <= config


def test_a_training_shows_everything_that_a_run_logs(run: OfflineRun) -> None:
    asked = named(panels_of(specs("training")["workspace"]))
    shown = asked["history"] | {
        key for key in run.keys for pattern in asked["patterns"] if re.search(pattern, key)
    }
    assert run.keys - shown == {"epoch", "model/latency_ms", "model/parameters"}


def test_sections_and_x_axis() -> None:
    section = specs("training")["workspace"]["section"]
    names = [one["name"] for one in section["panelBankConfig"]["sections"]]
    assert names == ["Losses", "Validation", "Images", "Discriminator", "System"]
    assert section["settings"]["xAxis"] == "trainer/global_step"
    curves = [panel for panel in panels_of(section) if panel["viewType"] == "Run History Line Plot"]
    assert {panel["config"]["xAxis"] for panel in curves} == {"trainer/global_step"}


def test_a_sweep_has_parallel_coordinates_and_the_front() -> None:
    subject = {"metrics": ("fid", "psnr"), "parameters": ("generator.s2", "seed")}
    panels = {
        panel["viewType"]: panel["config"] for panel in panels_of(specs("sweep", **subject)["workspace"])
    }
    columns = [column["accessor"] for column in panels["Parallel Coordinates Plot"]["columns"]]
    assert columns == [
        "config:generator.value.s2", "config:seed.value", "summary:model/parameters",
        "summary:model/latency_ms", "summary:val/psnr.max", "summary:val/fid.min",
    ]  # fmt: skip
    scatters = [
        p["config"]
        for p in panels_of(specs("sweep", **subject)["workspace"])
        if p["viewType"] == "Scatter Plot"
    ]
    assert [(one["yAxis"], one.get("showMinYAxisLine"), one.get("showMaxYAxisLine")) for one in scatters] == [
        ("summary:val/fid.min", True, None),
        ("summary:val/psnr.max", None, True),
    ]


@pytest.mark.parametrize("group", ["widths", 'odd "name" of \\ a group'])
def test_a_group_alone(group: str) -> None:
    for spec in specs("sweep", group=group).values():
        filters = {json.dumps(node) for node in _values(spec) if isinstance(node, str) and node == group}
        assert filters, "the group's name stands in the filter"


def _values(value: Any) -> list[Any]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value, *(inner for child in children for inner in _values(child))]


def test_panels_of_a_report_do_not_overlap() -> None:
    for kind in KINDS:
        for block in specs(kind)["report"]["blocks"]:
            taken: set[tuple[int, int]] = set()
            for panel in panels_of(block):
                box = panel["layout"]
                cells = {
                    (x, y)
                    for x in range(box["x"], box["x"] + box["w"])
                    for y in range(box["y"], box["y"] + box["h"])
                }
                assert not cells & taken and box["x"] + box["w"] <= 24
                taken |= cells


def test_the_file_is_what_was_built(tmp_path: Path) -> None:
    dashboard = build_dashboard("comparison", Subject("facades", "us"))
    dashboard.write(tmp_path / "deep" / "dashboard.json")
    content = json.loads((tmp_path / "deep" / "dashboard.json").read_text())
    assert content == dashboard.as_dict()
    assert (content["entity"], content["project"], content["kind"]) == ("us", "facades", "comparison")


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="training, sweep, comparison"):
        build_dashboard("beauty", Subject())


def test_a_metric_whose_best_value_no_summary_holds_is_refused() -> None:
    for name in ("beauty", "model/latency_ms", "loss_g/l1"):
        with pytest.raises(UserError, match=f"--metrics {name}: expected a metric of the validation: psnr"):
            build_dashboard("sweep", Subject(metrics=(name,)))
