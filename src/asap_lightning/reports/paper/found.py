"""What the runs and evaluations that are here can put into a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.evaluation.scored import METRICS_JSON, ScoredModel, read_scores
from asap_lightning.metrics import METRICS
from asap_lightning.reports.paper.recipes import PaperRow, PaperTable, TimingTable
from asap_lightning.run_folder import names
from asap_lightning.run_folder.status import status_of
from asap_lightning.untrusted import read_json, read_yaml

HARMLESS = (
    *("experiment=", "data.root", "data.num_workers", "data.prepare", "logger", "callbacks", "name", "runs"),
    *("hydra.", "ckpt", "trainer.accelerator", "trainer.devices", "+trainer.enable_progress_bar"),
)
"""How overrides begin that leave a training what its recipe says."""


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


@dataclass(frozen=True)
class Archive:
    """What lies below a folder of runs, read once for all tables; nothing is written.

    Attributes:
        trainings: their folders, ``runs/NAME/TIME``.
        evaluations: every file of `asap evaluate` that can be read, the oldest first.
    """

    trainings: Sequence[Path]
    evaluations: Sequence[ScoredModel]

    @classmethod
    def read(cls, runs: Path) -> Archive:
        """Looks through the folder; files that are no evaluation's are passed over."""
        folders = [path.parent for path in runs.glob(f"*/*/{names.CONFIG}")]
        files = sorted(runs.rglob(METRICS_JSON), key=lambda path: path.stat().st_mtime_ns)
        scored = []
        for file in files:
            with suppress(UserError):
                scored.append(read_scores(file))
        return cls([run for run in folders if status_of(run).kind != "not begun"], scored)


def find_measurements(table: PaperTable, archive: Archive) -> list[Found]:
    """One `Found` a row."""
    return [_find(row, table, archive) for row in table.rows]


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


def _find(row: PaperRow, table: PaperTable, archive: Archive) -> Found:
    if row.experiment is None:
        return Found(row)
    train = f"asap train experiment={row.experiment} data.root=DIR"
    mine = [run for run in archive.trainings if _experiment(run) == row.experiment]
    if not mine:
        return Found(row, missing=(train, _evaluate(f"best name={row.experiment}", table)))
    run = max(mine, key=lambda run: run.stat().st_mtime_ns)
    state = status_of(run).kind
    values: dict[str, float] = {}
    elsewhere: list[str] = []
    for scored in archive.evaluations:
        if scored.checkpoint is None or run.resolve() not in scored.checkpoint.resolve().parents:
            continue
        if differences := _differences(table, scored):
            elsewhere.append(f"{scored.path}: {'; '.join(differences)}")
            continue
        values |= _values(table, scored)
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


def _differences(table: PaperTable, scored: ScoredModel) -> list[str]:
    wrong = [
        f"{key} {scored.data.get(key, 'not said')}, the table has {wanted}"
        for key, wanted in table.protocol.data.items()
        if scored.data.get(key, "not said") != wanted
    ]
    used, wanted = scored.segmenter.get("kind"), table.protocol.segmenter
    if wanted is not None and used not in ("none", wanted):
        wrong.append(f"segmenter {used}, the table has {wanted}")
    return wrong


def _values(table: PaperTable, scored: ScoredModel) -> dict[str, float]:
    """The scores; those that a segmenter reads off the images only where it was the table's."""
    same = table.protocol.segmenter in (None, scored.segmenter.get("kind"))
    wanted = [metric for metric in table.metrics if same or "label" not in METRICS[metric].needs]
    return {metric: value for metric in wanted if (value := scored.scores.get(metric)) is not None}


def _experiment(run: Path) -> str | None:
    return next((word.partition("=")[2] for word in _overrides(run) if word.startswith("experiment=")), None)


def _changes(run: Path) -> tuple[str, ...]:
    return tuple(word for word in _overrides(run) if not word.startswith(HARMLESS))


def _overrides(run: Path) -> list[str]:
    try:
        words = read_yaml(run / names.OVERRIDES)
    except (UserError, OSError):
        return []
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(_mapping(read_json(path)))
    except (UserError, OSError):
        return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None
