"""What the runs and evaluations that are here can put into a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.reports.paper.recipes import PaperRow, PaperTable, TimingTable
from asap_lightning.run_folder import names
from asap_lightning.run_folder.status import status_of
from asap_lightning.untrusted import read_json, read_yaml

HARMLESS = ("data.root", "data.num_workers", "data.prepare", "logger", "callbacks", "name", "runs", "hydra.")
"""Overrides that leave a training what its recipe says."""
HARMLESS_TRAINER = ("trainer.accelerator", "trainer.devices", "+trainer.enable_progress_bar", "ckpt")
SEGMENTED = ("miou", "pixel_accuracy", "class_accuracy")


@dataclass(frozen=True)
class Found:
    """What there is for a row.

    Attributes:
        row: of the table.
        run: the folder of the newest training of its recipe; None without one.
        state: ``finished``, or how far it is; empty without a run.
        changes: overrides that make the run another than the recipe's.
        values: metric -> measured; only what was measured under the table's protocol.
        elsewhere: measurements under another protocol: file, and in what they differ.
        missing: the commands that make what is not there, in order.
    """

    row: PaperRow
    run: Path | None = None
    state: str = ""
    changes: tuple[str, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def find_measurements(table: PaperTable, runs: Path) -> list[Found]:
    """One `Found` a row, from the run folders and evaluations below ``runs``; nothing is written."""
    trainings = [run for run in _runs(runs) if status_of(run).kind != "not begun"]
    evaluations = _evaluations(runs)
    return [_find(row, table, trainings, evaluations) for row in table.rows]


def find_timings(table: TimingTable, folder: Path) -> dict[str, dict[tuple[str, str], float]]:
    """Benchmark file and its machine -> (system, heading) -> ms.

    Each file stands alone: two of them may differ in threads or version, and no ratio is taken across. Files
    of another suite, or that cannot be read, are passed over.
    """
    found: dict[str, dict[tuple[str, str], float]] = {}
    headings = {case: heading for heading, case in table.cases.items()}
    systems = {side: system for system, side in table.sides.items()}
    for path in sorted(folder.glob("*.json")):
        content = _read(path)
        if content.get("suite") != "inference" or not isinstance(content.get("rows"), list):
            continue
        machine = _mapping(content.get("machine"))
        about = (str(machine[key]) for key in ("processor", "device", "native") if key in machine)
        name = f"{path.name}: {', '.join(about)}"
        for row in map(_mapping, content["rows"]):
            system, heading = systems.get(str(row.get("side"))), headings.get(str(row.get("case")))
            if system and heading and (ms := _number(row.get("ms"))) is not None:
                found.setdefault(name, {})[system, heading] = ms
    return found


def _find(
    row: PaperRow, table: PaperTable, trainings: Iterable[Path], evaluations: Mapping[Path, dict[str, Any]]
) -> Found:
    if row.experiment is None:
        return Found(row)
    train = f"asap train experiment={row.experiment} data.root=DIR"
    mine = [run for run in trainings if _experiment(run) == row.experiment]
    if not mine:
        return Found(row, missing=(train, _evaluate(f"best name={row.experiment}", table)))
    run = max(mine, key=lambda run: run.stat().st_mtime_ns)
    state = status_of(run).kind
    values: dict[str, float] = {}
    elsewhere: list[str] = []
    for path, content in evaluations.items():
        if run.resolve() not in _checkpoint(content).parents:
            continue
        differences = _differences(table, content)
        if differences:
            elsewhere.append(f"{path}: {'; '.join(differences)}")
            continue
        values |= _values(table, content)
    missing = [] if state == "finished" else [f"{train} ckpt=last    # goes on: {state}"]
    if lacking := [metric for metric in table.metrics if metric not in values]:
        missing.append(f"{_evaluate(str(run), table)}    # {', '.join(lacking)}")
    return Found(row, run, state, _changes(run), values, tuple(elsewhere), tuple(missing))


def _evaluate(run: str, table: PaperTable) -> str:
    data = table.protocol.data
    words = [f"split={data['split']}", f"data.height={data['height']}", f"data.width={data['width']}"]
    segmenter = [f"segmenter={table.protocol.segmenter}"] if table.protocol.segmenter else []
    group = f"evaluation={table.protocol.evaluation}"
    return " ".join(["asap evaluate", f"ckpt={run}", group, *segmenter, *words])


def _differences(table: PaperTable, content: Mapping[str, Any]) -> list[str]:
    data = _mapping(_mapping(content.get("about")).get("data"))
    wrong = [
        f"{key} {data.get(key, 'not said')}, the table has {wanted}"
        for key, wanted in table.protocol.data.items()
        if data.get(key, "not said") != wanted
    ]
    used, wanted = segmenter_of(content), table.protocol.segmenter
    if wanted is not None and used is not None and used != wanted:
        wrong.append(f"segmenter {used}, the table has {wanted}")
    return wrong


def segmenter_of(content: Mapping[str, Any]) -> str | None:
    """The segmenter that an evaluation's file names; None where it names none."""
    kind = _mapping(_mapping(content.get("about")).get("segmenter")).get("kind")
    return kind if isinstance(kind, str) and kind != "none" else None


def _values(table: PaperTable, content: Mapping[str, Any]) -> dict[str, float]:
    """The finite figures; those of a segmenter only where the file says that it was the table's."""
    measured = _mapping(content.get("metrics"))
    same = table.protocol.segmenter is None or segmenter_of(content) == table.protocol.segmenter
    wanted = [metric for metric in table.metrics if same or metric not in SEGMENTED]
    return {metric: value for metric in wanted if (value := _number(measured.get(metric))) is not None}


def _runs(runs: Path) -> list[Path]:
    """Folders of trainings, ``runs/NAME/TIME``."""
    return [path.parent for path in runs.glob(f"*/*/{names.CONFIG}")]


def _evaluations(runs: Path) -> dict[Path, dict[str, Any]]:
    """Every ``metrics.json`` below ``runs`` that can be read, the oldest first."""
    paths = sorted(runs.rglob("metrics.json"), key=lambda path: path.stat().st_mtime_ns)
    return {path: content for path in paths if (content := _read(path))}


def _experiment(run: Path) -> str | None:
    return next((word.partition("=")[2] for word in _overrides(run) if word.startswith("experiment=")), None)


def _changes(run: Path) -> tuple[str, ...]:
    same = ("experiment=", *HARMLESS, *HARMLESS_TRAINER)
    return tuple(word for word in _overrides(run) if not word.startswith(same))


def _overrides(run: Path) -> list[str]:
    try:
        words = read_yaml(run / names.OVERRIDES)
    except (UserError, OSError):
        return []
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []


def _checkpoint(content: Mapping[str, Any]) -> Path:
    return Path(str(_mapping(content.get("about")).get("checkpoint", ""))).resolve()


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(_mapping(read_json(path)))
    except (UserError, OSError):
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else None  # type: ignore[arg-type]
