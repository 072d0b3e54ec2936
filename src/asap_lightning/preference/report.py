"""A study's results as table, files, picture and page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asap_lightning.files import atomic_write
from asap_lightning.preference.answers import Answers
from asap_lightning.preference.results import Comparison, Rater, Results
from asap_lightning.preference.statistics import Interval
from asap_lightning.preference.study import PICTURES
from asap_lightning.wording import counted

if TYPE_CHECKING:
    from rich.table import Table

    from asap_lightning.reports.markup import Html

EXAMPLES, CELL = 3, 320
FEW_ANSWERS = 100
"""Below, an interval of a share is wider than 20 points."""


def percent(share: Interval | None) -> str:
    """``62.5% (48.9 to 74.3)``."""
    if share is None:
        return "no answers"
    return f"{share.value:.1%} ({100 * share.low:.1f} to {100 * share.high:.1f})"


def signed(strength: Interval) -> str:
    """``+0.20 (-0.02 to +0.43)``."""
    return f"{strength.value:+.2f} ({strength.low:+.2f} to {strength.high:+.2f})"


def heading(results: Results, one: Comparison) -> str:
    """What the rate of a comparison is of."""
    names = results.study.systems
    if results.study.real is not None:
        return f"{names[one.one]} taken for real"
    return f"{names[one.one]} preferred to {names[one.other]}"


def results_table(results: Results) -> Table:
    """A row a comparison, for a terminal."""
    from rich.table import Table

    table = Table(title=summary(results), title_justify="left")
    for title in ("comparison", "rate (95% interval)", "answers"):
        table.add_column(title, justify="left" if title == "comparison" else "right")
    for one in results.comparisons:
        table.add_row(heading(results, one), percent(one.share), f"{one.wins} of {one.answers}")
    if results.strengths is not None:
        table.add_section()
        for name, value in zip(results.study.systems, results.strengths, strict=True):
            table.add_row(f"strength of {name}", signed(value), "")
    return table


def summary(results: Results) -> str:
    """Who took part and who is counted."""
    kept = [rater for rater in results.raters if rater.kept]
    finished = sum(rater.answered == rater.planned for rater in kept)
    return (
        f"{counted(results.answers, 'answer')} of {counted(len(kept), 'rater')}, {finished} of them to the "
        f"end; {counted(len(results.raters) - len(kept), 'rater')} left out by the obvious questions"
    )


def notes(results: Results) -> list[str]:
    """What a reader has to know."""
    told = [
        "Intervals are Wilson's, 95%, of all answers together. They take answers for independent; several "
        "answers of one rater are not quite, so with few raters the truth is wider.",
        f"A rater counts who answered at least {results.pass_share:.0%} of the obvious questions rightly.",
    ]
    if not any(rater.watched for rater in results.raters):
        told[1] = "The study has no obvious questions, so every rater counts."
    if results.strengths is not None:
        told.append(
            "Strengths are of Bradley and Terry, in log-odds about their mean: a difference of d is a "
            "preference of 1 / (1 + exp(-d))."
        )
    elif results.why_none and len(results.study.systems) > 2:
        told.append(f"No strengths of Bradley and Terry: {results.why_none}.")
    few = [heading(results, one) for one in results.comparisons if one.answers < FEW_ANSWERS]
    if few:
        told.append(f"Fewer than {FEW_ANSWERS} answers: {', '.join(few)}.")
    return told


def write_report(results: Results, answers: Answers, study: Path, out: Path) -> dict[str, Path]:
    """Writes everything; returns name -> path."""
    written = {
        "results": out / "preference.json",
        "answers": out / "answers.csv",
        "picture": out / "preference.png",
        "page": out / "preference.html",
    }
    with atomic_write(written["results"], "w") as file:
        json.dump(results.as_dict(), file, indent=2, allow_nan=False, ensure_ascii=False)
        file.write("\n")
    write_answers(results, answers, written["answers"])
    draw_rates(results, written["picture"])
    write_page(results, study / PICTURES, written["picture"], written["page"])
    return written


def write_answers(results: Results, answers: Answers, path: Path) -> None:
    """Every answer as a row, for statistics of one's own."""
    study, text = results.study, io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = (
        "rater",
        "counts",
        "position",
        "kind",
        "left",
        "right",
        "item",
        "chosen",
        "expected",
        "milliseconds",
    )
    writer.writerow(columns)
    for one in answers.everything():
        if one.choice is None:
            continue
        rater = results.raters[one.participant]
        sides = {side: study.owners.get(getattr(one.trial, side)) for side in ("left", "right")}
        names = [
            "" if shown is None else study.systems[shown.system] + (" (ruined)" if shown.spoiled else "")
            for shown in sides.values()
        ]
        left = sides["left"]
        item = "" if left is None else study.items[left.item]
        row = (
            one.position,
            one.trial.kind,
            *names,
            item,
            one.choice,
            one.trial.expected or "",
            one.milliseconds,
        )
        writer.writerow((rater.code, int(rater.kept), *row))
    with atomic_write(path, "w") as file:
        file.write(text.getvalue())


def draw_rates(results: Results, path: Path) -> None:
    """Rates with their intervals; beside them strengths where there are some."""
    from matplotlib.figure import Figure

    shown = [(heading(results, one), one.share) for one in results.comparisons]
    rates = [(f"{name}\n{percent(share)}", share) for name, share in shown if share is not None]
    panels = 1 if results.strengths is None else 2
    rows = max(len(rates), len(results.study.systems) if panels == 2 else 1)
    figure = Figure(figsize=(6.4 * panels, 1.5 + 0.62 * rows), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _draw(axes[0], [(name, _scaled(share, 100)) for name, share in rates])
    axes[0].set_xlim(0, 100)
    axes[0].axvline(50, color="0.4", linewidth=1, linestyle="--")
    axes[0].set_xlabel("share of the answers (%), 95% interval")
    if results.strengths is not None:
        ranked = zip(results.study.systems, results.strengths, strict=True)
        _draw(axes[1], sorted(ranked, key=lambda entry: -entry[1].value))
        axes[1].set_xlabel("strength (log-odds about the mean), 95% interval")
    figure.suptitle(results.study.protocol.question, fontsize="medium")
    with atomic_write(path) as file:
        figure.savefig(file, format="png", dpi=150)


def _scaled(one: Interval, factor: float) -> Interval:
    return Interval(factor * one.value, factor * one.low, factor * one.high)


def _draw(axes: object, entries: Sequence[tuple[str, Interval]]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    for place, (_, one) in enumerate(entries):
        axes.plot([one.low, one.high], [place, place], color="#3b82d6", linewidth=2.5, solid_capstyle="round")
        axes.plot([one.value], [place], "o", color="#3b82d6", markersize=8)
    axes.set_yticks(range(len(entries)), [name for name, _ in entries])
    axes.set_ylim(max(len(entries), 1) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def write_page(results: Results, pictures: Path, drawn: Path, path: Path) -> None:
    """One HTML file: rates, what the numbers rest on, pictures that were judged most clearly, raters."""
    from asap_lightning.reports.markup import facts, table, tag
    from asap_lightning.reports.page import Page
    from asap_lightning.reports.pictures import embedded, read_picture

    page = Page(results.study.title, summary(results))
    rows = [
        [
            heading(results, one),
            tag("td", percent(one.share), class_="number"),
            f"{one.wins} of {one.answers}",
        ]
        for one in results.comparisons
    ]
    page.section(
        "Preference",
        tag("p", "Asked: ", tag("strong", results.study.protocol.question)),
        table(["comparison", "rate (95% interval)", "answers"], rows, id_="rates"),
        *_strengths_table(results),
        tag("img", src=embedded(read_picture(drawn), 2000), alt="the same as a picture", class_="sheet"),
        *(tag("p", note, class_="note") for note in notes(results)),
    )
    page.section("Judged most clearly", *examples(results, pictures))
    page.section("Raters", raters_table(results.raters))
    protocol = vars(results.study.protocol)
    page.section("Protocol", facts({name.replace("_", " "): value for name, value in protocol.items()}))
    page.write(path)


def _strengths_table(results: Results) -> list[Html]:
    from asap_lightning.reports.markup import table, tag

    if results.strengths is None:
        return []
    ranked = sorted(
        zip(results.study.systems, results.strengths, strict=True), key=lambda entry: -entry[1].value
    )
    rows = [[name, tag("td", signed(value), class_="number")] for name, value in ranked]
    return [table(["system", "strength (95% interval)"], rows, id_="strengths")]


def examples(results: Results, pictures: Path) -> list[Html]:
    """Of every comparison the inputs with the most one-sided answers, either way."""
    from asap_lightning.reports.markup import join, table, tag
    from asap_lightning.reports.pictures import embedded, read_picture

    study, blocks = results.study, []

    def picture(file: str) -> Html:
        return tag("img", src=embedded(read_picture(pictures / file), CELL), alt="", loading="lazy")

    for index, one in enumerate(results.comparisons):
        judged = [
            (wins - (count - wins), item, wins, count)
            for (place, item), (wins, count) in sorted(results.by_item.items())
            if place == index
        ]
        ranked = sorted(judged, key=lambda entry: entry[0])
        chosen = [
            *[e for e in ranked[::-1] if e[0] > 0][:EXAMPLES],
            *[e for e in ranked if e[0] < 0][:EXAMPLES][::-1],
        ]
        if not chosen:
            continue
        titles = [
            *(["given"] if study.conditions else []),
            study.systems[one.one],
            study.systems[one.other],
            "for the first",
        ]
        rows = []
        for _, item, wins, count in chosen:
            partner = study.partner(item)
            files = [
                *([study.conditions[item]] if study.conditions else []),
                study.files[one.one][item],
                study.files[one.other][partner],
            ]
            rows.append([*map(picture, files), join([f"{wins} of {count}", tag("br"), study.items[item]])])
        blocks += [tag("h3", heading(results, one)), table(titles, rows, class_="samples")]
    return blocks


def raters_table(raters: Sequence[Rater]) -> Html:
    """What is known of everybody: no name, but how they answered."""
    from asap_lightning.reports.markup import table, tag

    rows = [
        [
            tag("code", rater.code),
            f"{rater.answered} of {rater.planned}",
            f"{rater.vigilant} of {rater.watched}" if rater.watched else "–",
            "–" if rater.milliseconds is None else f"{rater.milliseconds / 1000:.1f} s",
            "–" if rater.left is None else f"{rater.left:.0%}",
            "yes" if rater.kept else "no",
        ]
        for rater in raters
    ]
    return table(
        ["code", "answered", "obvious ones right", "median time", "chose left", "counts"], rows, id_="raters"
    )
