"""A paper's tables as Markdown, CSV and JSON: published beside measured, and what is missing."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asap_lightning.files import atomic_write
from asap_lightning.metrics import METRICS
from asap_lightning.reports.paper.found import Archive, Found, find_measurements, find_timings
from asap_lightning.reports.paper.recipes import Paper, PaperTable, TimingTable

ABSENT = "-"


def render_paper(paper: Paper, name: str, runs: Path, benchmarks: Path, out: Path) -> dict[str, Path]:
    """Writes ``paper_NAME.md``, ``.csv`` and ``.json``.

    Args:
        paper: its recipes.
        name: of the paper, for the names of the files.
        runs: folder of runs and evaluations.
        benchmarks: folder of the files of `asap benchmark`.
        out: folder that receives the files.

    Returns:
        Kind -> file.
    """
    archive = Archive.read(runs)
    found = [(table, find_measurements(table, archive)) for table in paper.tables]
    timed = [(table, find_timings(table, benchmarks)) for table in paper.timings]
    written = {kind: out / f"paper_{name}.{kind}" for kind in ("md", "csv", "json")}
    with atomic_write(written["md"], "w") as file:
        file.write(markdown(paper, found, timed))
    with atomic_write(written["csv"], "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["table", "system", "metric", "published", "measured", "run", "changes"])
        writer.writerows(_lines(found))
        writer.writerows(_timing_lines(timed))
    with atomic_write(written["json"], "w") as file:
        json.dump(_plain(paper, found, timed), file, indent=2, allow_nan=False)
        file.write("\n")
    return written


def markdown(
    paper: Paper,
    found: Sequence[tuple[PaperTable, Sequence[Found]]],
    timed: Sequence[tuple[TimingTable, Mapping[str, Mapping[tuple[str, str], float]]]],
) -> str:
    """The page of a paper."""
    parts = [f"# {paper.title}\n\nPublished | measured here; {ABSENT} is not known, or not measured."]
    parts += [_quality(table, rows) for table, rows in found]
    parts += [_timing(table, machines) for table, machines in timed]
    if paper.preferences:
        people = "\n".join(f"- {line}" for line in paper.preferences)
        parts.append(f"## What people preferred\n\n{people}\n\nAsk people of your own: `asap study make`.")
    return "\n\n".join(parts) + "\n"


def _quality(table: PaperTable, rows: Sequence[Found]) -> str:
    titles = [METRICS[metric].title if metric in METRICS else metric for metric in table.metrics]
    lines = [[_system(one), *(_cell(one, metric) for metric in table.metrics), _about(one)] for one in rows]
    protocol = table.protocol
    stated = ", ".join(f"{key} {value}" for key, value in protocol.data.items() if value is not None)
    segmenter = f", segmenter {protocol.segmenter}" if protocol.segmenter else ""
    said = f"{table.source}. Protocol: {stated}, all images{segmenter}. {protocol.remark}".rstrip()
    parts = [f"## {table.title}", said, _table(["system", *titles, "run here"], lines)]
    elsewhere = [f"- {one.row.system}: {text}" for one in rows for text in one.elsewhere]
    if elsewhere:
        parts.append("Measured under another protocol, and left out:\n\n" + "\n".join(elsewhere))
    missing = [command for one in rows for command in one.missing]
    if missing:
        parts.append("Missing; these commands make it:\n\n" + "\n".join(f"    {line}" for line in missing))
    return "\n\n".join(parts)


def _timing(table: TimingTable, machines: Mapping[str, Mapping[tuple[str, str], float]]) -> str:
    headings = list(table.cases)
    base = "ASAP-Net"
    parts = [
        f"## {table.title}\n\n{table.source}. Behind each time: how often ASAP-Net's on the same device. "
        "Times of two devices say nothing about each other; the ratios may be compared.",
    ]
    sets: dict[str, dict[tuple[str, str], float]] = {
        f"{table.device} (published)": {
            (system, heading): ms for system, row in table.published.items() for heading, ms in row.items()
        },
        **{f"{machine} (measured)": dict(times) for machine, times in machines.items()},
    }
    for device, times in sets.items():
        systems = [system for system in table.published if any(key[0] == system for key in times)]
        lines = [
            [system, *(_time(times.get((system, at)), times.get((base, at))) for at in headings)]
            for system in systems
        ]
        parts.append(f"**{device}**\n\n" + _table(["system", *headings], lines))
    if not machines:
        parts.append(f"Nothing is measured here. This command does it:\n\n    {table.command}")
    return "\n\n".join(parts)


def _time(ms: float | None, base: float | None) -> str:
    if ms is None:
        return ABSENT
    return f"{ms:.4g}" + (f" ({ms / base:.2g} x)" if base else "")


def _system(found: Found) -> str:
    return f"{found.row.system}*" if found.changes else found.row.system


def _cell(found: Found, metric: str) -> str:
    published, measured = found.row.published.get(metric), found.values.get(metric)
    return " \\| ".join(ABSENT if value is None else f"{value:.4g}" for value in (published, measured))


def _about(found: Found) -> str:
    if found.run is None:
        return found.row.remark or ABSENT
    changed = f"; *not the recipe: {' '.join(found.changes)}" if found.changes else ""
    return f"{found.run} ({found.state}{changed})"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _lines(found: Sequence[tuple[PaperTable, Sequence[Found]]]) -> list[list[object]]:
    return [
        [
            *(table.title, one.row.system, metric, one.row.published.get(metric), one.values.get(metric)),
            *(one.run, " ".join(one.changes)),
        ]
        for table, rows in found
        for one in rows
        for metric in table.metrics
    ]


def _timing_lines(
    timed: Sequence[tuple[TimingTable, Mapping[str, Mapping[tuple[str, str], float]]]],
) -> list[list[object]]:
    lines: list[list[object]] = []
    for table, machines in timed:
        for system, row in table.published.items():
            lines += [
                [table.title, system, f"ms at {at}", ms, None, table.device, ""] for at, ms in row.items()
            ]
        for machine, times in machines.items():
            for (system, at), ms in times.items():
                lines.append([table.title, system, f"ms at {at}", None, ms, machine, ""])
    return lines


def _plain(
    paper: Paper,
    found: Sequence[tuple[PaperTable, Sequence[Found]]],
    timed: Sequence[tuple[TimingTable, Mapping[str, Mapping[tuple[str, str], float]]]],
) -> dict[str, Any]:
    return {
        "paper": paper.title,
        "tables": [
            {
                "title": table.title,
                "source": table.source,
                "protocol": {"data": dict(table.protocol.data), "segmenter": table.protocol.segmenter},
                "rows": [
                    {
                        "system": one.row.system,
                        "experiment": one.row.experiment,
                        "published": {metric: one.row.published.get(metric) for metric in table.metrics},
                        "measured": {metric: one.values.get(metric) for metric in table.metrics},
                        "run": str(one.run) if one.run else None,
                        "state": one.state or None,
                        "changes": list(one.changes),
                        "other_protocols": list(one.elsewhere),
                        "missing": list(one.missing),
                    }
                    for one in rows
                ],
            }
            for table, rows in found
        ],
        "timings": [
            {
                "title": table.title,
                "source": table.source,
                "published": {
                    "device": table.device,
                    "ms": {name: dict(row) for name, row in table.published.items()},
                },
                "measured": {
                    machine: [{"system": system, "size": at, "ms": ms} for (system, at), ms in times.items()]
                    for machine, times in machines.items()
                },
                "command": table.command,
            }
            for table, machines in timed
        ],
        "preferences": list(paper.preferences),
    }
