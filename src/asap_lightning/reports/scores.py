"""The comparison of models as Markdown, LaTeX, CSV, JSON and a table for a terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asap_lightning.evaluation.bootstrap import Estimate
from asap_lightning.evaluation.comparison import ModelComparison
from asap_lightning.evaluation.cost.checkpoint import GeneratorCost
from asap_lightning.files import atomic_write
from asap_lightning.metrics import METRICS, direction_of, title_of

if TYPE_CHECKING:
    from rich.table import Table

COSTS = ("parameters", "gmacs", "latency_ms", "peak_mib")
ARROWS = {"max": "↑", "min": "↓"}
TEX_ARROWS = {"max": r"$\uparrow$", "min": r"$\downarrow$"}
TEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
}
Cell = tuple[str, bool]
"""A text, and whether it is among the best of its column."""


def digits_of(one: Estimate) -> int:
    """Decimals that the interval's width, or the value, gives a meaning to: two figures of the half-width."""
    scale = abs(one.value) / 100 if one.low is None or one.high is None else (one.high - one.low) / 2
    digits = 1
    while digits < 6 and 0 < scale * 10 ** (digits - 1) < 1:
        digits += 1
    return digits


def shown(one: Estimate | None, digits: int | None = None) -> str:
    """``17.24 [16.90, 17.61]``; a dash for nothing."""
    if one is None:
        return "–"
    digits = digits_of(one) if digits is None else digits
    if one.low is None:
        return f"{one.value:.{digits}f}"
    return f"{one.value:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"


def headings(comparison: ModelComparison) -> list[tuple[str, str | None]]:
    """Title and direction of every column but the model's."""
    names = [*comparison.metrics, *costs_of(comparison)]
    return [(title_of(name), direction_of(name)) for name in names]


def costs_of(comparison: ModelComparison) -> dict[str, list[float | None]]:
    """Every cost that some model has -> its value of each model, in the unit of its title."""
    costs = {name: [_cost(one, name) for one in comparison.costs] for name in COSTS}
    return {name: values for name, values in costs.items() if any(value is not None for value in values)}


def _cost(cost: GeneratorCost | None, name: str) -> float | None:
    value = None if cost is None else getattr(cost, name)
    return None if value is None else float(value) * METRICS[name].scale


def cells(comparison: ModelComparison) -> list[list[Cell]]:
    """A row a model: its scores, then its costs."""
    columns: list[list[Cell]] = []
    for metric in comparison.metrics:
        best, scores = comparison.best(metric), comparison.scores[metric]
        digits = max((digits_of(one) for one in scores if one is not None), default=0)
        columns.append([(shown(one, digits), row in best) for row, one in enumerate(scores)])
    for values in costs_of(comparison).values():
        known = [value for value in values if value is not None]
        least = min(known) if len(known) > 1 else None
        columns.append([(_amount(value), value is not None and value == least) for value in values])
    return [list(row) for row in zip(*columns, strict=True)]


def _amount(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def differences_of(comparison: ModelComparison) -> list[tuple[str, str, str, Estimate]]:
    """Metric, one model, another, and by how much the first is larger, of all pairs."""
    names = comparison.names
    return [
        (metric, names[i], names[j], one)
        for metric, pairs in comparison.differences.items()
        for (i, j), one in pairs.items()
    ]


def caption(comparison: ModelComparison) -> list[str]:
    """What the table rests on, a sentence each."""
    first = comparison.models[0]
    told = [f"{first.images} images."]
    if comparison.differences:
        told.append(
            "Brackets: 95% intervals of the mean over images, percentile bootstrap of "
            f"{comparison.draws} draws. Bold: the best, and those whose paired difference to it has an "
            "interval that holds 0."
        )
    ways = {
        (one.size, one.device) for one in comparison.costs if one is not None and one.latency_ms is not None
    }
    for (height, width), device in sorted(ways):
        told.append(f"Latency: the fastest of several calls for one image of {width} x {height} on {device}.")
    if len(ways) > 1:
        told.append("Latencies are of several sizes or devices, which do not compare.")
    return [*told, *comparison.notes]


def markdown(comparison: ModelComparison) -> str:
    """A table of GitHub's Markdown with the paired differences below."""
    titles = [f"{title} {ARROWS[way]}" if way else title for title, way in headings(comparison)]
    lines = [_piped(["model", *titles]), _piped(["---", *("---:" for _ in titles)])]
    for name, row in zip(comparison.names, cells(comparison), strict=True):
        lines.append(_piped([name, *(f"**{text}**" if best else text for text, best in row)]))
    lines += ["", *caption(comparison)]
    if found := differences_of(comparison):
        lines += ["", _piped(["metric", "difference", "mean over images"]), _piped(["---", "---", "---:"])]
        lines += [_piped([title_of(m), f"{one} - {other}", shown(value)]) for m, one, other, value in found]
    return "\n".join(lines) + "\n"


def _piped(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in texts) + " |"


def latex(comparison: ModelComparison) -> str:
    """A ``tabular`` for booktabs, with the caption as a comment."""
    titles = [f"{tex(title)} {TEX_ARROWS[way]}" if way else tex(title) for title, way in headings(comparison)]
    lines = [*(f"% {line}" for line in caption(comparison)), r"\begin{tabular}{l" + "r" * len(titles) + "}"]
    lines += [r"\toprule", " & ".join(["Model", *titles]) + r" \\", r"\midrule"]
    for name, row in zip(comparison.names, cells(comparison), strict=True):
        texts = [rf"\textbf{{{tex(text)}}}" if best else tex(text) for text, best in row]
        lines.append(" & ".join([tex(name), *texts]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def tex(text: str) -> str:
    """Text in which no sign means anything to LaTeX."""
    return "".join(TEX.get(sign, sign) for sign in text).replace("–", "--").replace("\n", " ")


def comma_separated(comparison: ModelComparison) -> str:
    """A row a model with full precision; intervals in columns of their own."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [f"{metric}{end}" for metric in comparison.metrics for end in ("", "_low", "_high")]
    writer.writerow(["model", "images", *columns, *COSTS])
    for row, model in enumerate(comparison.models):
        values = [
            value
            for metric in comparison.metrics
            for one in (comparison.scores[metric][row] or Estimate(float("nan")),)
            for value in (one.value, one.low, one.high)
        ]
        cost = comparison.costs[row]
        values += [None if cost is None else getattr(cost, name) for name in COSTS]
        writer.writerow([model.name, model.images, *("" if v is None or v != v else repr(v) for v in values)])
    return text.getvalue()


def as_dict(comparison: ModelComparison) -> dict[str, Any]:
    """What the JSON file holds."""
    return {
        "images": comparison.models[0].images,
        "draws": comparison.draws,
        "notes": caption(comparison),
        "models": [
            {
                "name": model.name,
                "scores_from": str(model.path),
                "checkpoint": None if model.checkpoint is None else str(model.checkpoint),
                "scores": {
                    metric: None if (one := comparison.scores[metric][row]) is None else asdict(one)
                    for metric in comparison.metrics
                },
                "cost": None if (cost := comparison.costs[row]) is None else asdict(cost),
            }
            for row, model in enumerate(comparison.models)
        ],
        "differences": [
            {"metric": metric, "one": one, "other": other, **asdict(value)}
            for metric, one, other, value in differences_of(comparison)
        ],
    }


def terminal_table(comparison: ModelComparison) -> Table:
    """The table with the best scores bold."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("model")
    for title, way in headings(comparison):
        table.add_column(escape(f"{title} {ARROWS[way]}" if way else title), justify="right")
    for name, row in zip(comparison.names, cells(comparison), strict=True):
        table.add_row(
            escape(name), *(f"[bold]{escape(text)}[/]" if best else escape(text) for text, best in row)
        )
    return table


def write_scores(comparison: ModelComparison, out: Path) -> dict[str, Path]:
    """Writes ``comparison.md``, ``.tex``, ``.csv`` and ``.json``; returns name -> path."""
    writers: dict[str, tuple[str, Callable[[ModelComparison], str]]] = {
        "markdown": ("comparison.md", markdown),
        "latex": ("comparison.tex", latex),
        "csv": ("comparison.csv", comma_separated),
        "json": ("comparison.json", lambda one: json.dumps(as_dict(one), indent=2, allow_nan=False) + "\n"),
    }
    written = {}
    for name, (file_name, write) in writers.items():
        written[name] = out / file_name
        with atomic_write(written[name], "w") as file:
            file.write(write(comparison))
    return written
