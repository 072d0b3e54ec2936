"""Results as a table, as JSON with machine and commit, as a plot, and against earlier results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.untrusted import read_json

Row = dict[str, Any]
SLOWER = 1.10  # a speed-up that shrinks by more than this factor is called a regression

COLUMNS = {
    "case": ("case", "{}"),
    "operation": ("operation", "{}"),
    "side": ("side", "{}"),
    "ms": ("ms", "{:.1f}"),
    "floor_ms": ("floor ms", "{:.1f}"),
    "cpu_ms": ("CPU ms", "{:.1f}"),
    "speedup": ("x authors", "{:.2f}"),
    "speedup_quartiles": ("quartiles", "{0[0]:.2f}-{0[1]:.2f}"),
    "gflop": ("GFLOP", "{:.1f}"),
    "gflop_per_second": ("GFLOP/s", "{:.0f}"),
    "share_of_peak": ("of peak", "{:.0%}"),
    "peak_mib": ("peak MiB", "{:.0f}"),
    "prepared_mib": ("prepared MiB", "{:.0f}"),
    "error": ("error", "{:.1e}"),
    "images_per_second": ("images/s", "{:.1f}"),
    "losses_apart": ("losses apart", "{:.0e}"),
    "times_files": ("x files", "{:.2f}"),
    "profile": ("CPU ms a pair", "{}"),
}


def table(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; columns that no row has are left out."""
    keys = [key for key in COLUMNS if any(row.get(key) is not None for row in rows)]
    lines = [[COLUMNS[key][0] for key in keys]]
    lines += [[_text(key, row.get(key)) for key in keys] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(keys))]
    text = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(text)


def _text(key: str, value: Any) -> str:
    if isinstance(value, dict):  # a profile: what takes no time is left out
        return ", ".join(f"{name} {ms:.1f}" for name, ms in value.items() if ms >= 0.05)
    return "-" if value is None else COLUMNS[key][1].format(value)


def save(
    path: Path, suite: str, machine: dict[str, Any], peaks: dict[str, float], rows: Sequence[Row]
) -> None:
    """Writes one run as JSON."""
    document = {"suite": suite, "machine": machine, "peaks": peaks, "rows": list(rows)}
    with atomic_write(path, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")


def load(path: Path) -> dict[str, Any]:
    """Reads what `save` wrote.

    Raises:
        UserError: no such file, or not a benchmark's result.
    """
    try:
        document = read_json(path)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); give a JSON file that asap benchmark wrote"
        ) from error
    except UserError as error:
        raise UserError(f"{error}; give a file that asap benchmark wrote") from error
    if not isinstance(document, dict) or "rows" not in document or "suite" not in document:
        raise UserError(
            f"{path}: is JSON but no benchmark result (no 'rows'); give a file that asap benchmark wrote"
        )
    return document


def compare(rows: Sequence[Row], earlier: Sequence[Row]) -> tuple[str, int]:
    """Speed-ups now and then, row by row, and the number of regressions.

    Ratios are compared, not times: both sides of a ratio were measured on the same machine in one run.
    """
    then = {_key(row): row for row in earlier}
    lines, regressions = [], 0
    for row in rows:
        old = then.get(_key(row))
        if old is None or row["side"] == "authors" or "speedup" not in row or "speedup" not in old:
            continue
        change = row["speedup"] / old["speedup"]
        slower = change < 1 / SLOWER
        regressions += slower
        name = " ".join(part for part in _key(row) if part)
        lines.append(
            f"{name}: {old['speedup']:.2f}x then, {row['speedup']:.2f}x now ({change - 1:+.0%})"
            + (" REGRESSION" if slower else "")
        )
    return "\n".join(lines) or "no row of this run is in that file", regressions


def _key(row: Row) -> tuple[str, ...]:
    return (row.get("case", ""), row.get("operation", ""), row["side"])


def plot(rows: Sequence[Row], path: Path) -> None:
    """Run time and time a megapixel against megapixels, as the paper's figure 1.

    Raises:
        UserError: matplotlib is not installed.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError as error:
        raise UserError("the plot needs matplotlib: pip install matplotlib, or leave out --plot") from error
    figure, (whole, each) = pyplot.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
    for side in dict.fromkeys(row["side"] for row in rows):
        points = sorted(
            (row["megapixels"], row["ms"]) for row in rows if row["side"] == side and _plotted(row)
        )
        if not points:
            continue
        whole.plot([size for size, _ in points], [ms for _, ms in points], "o-", label=side)
        each.plot([size for size, _ in points], [ms / size for size, ms in points], "o-", label=side)
    for axes, title in ((whole, "ms an image"), (each, "ms a megapixel")):
        axes.set(xscale="log", yscale="log", xlabel="megapixels", ylabel=title)
        axes.grid(True, which="both", alpha=0.3)
    whole.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _plotted(row: Row) -> bool:
    """One line a side: the facades model at batch 1."""
    return row["case"].startswith("facades") and "-b" not in row["case"]
