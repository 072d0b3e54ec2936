"""Prints a `CheckReport` as tables."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from asap_lightning.data.check import CheckReport, SplitReport, class_name
from asap_lightning.data.finding import Contents, ignored
from asap_lightning.wording import by_cause, counted, listed, told

SHOWN_KINDS = 50


def print_report(report: CheckReport, console: Console) -> None:
    """Tables of pairs, sizes and classes, then every problem with its file."""
    console.print(_split_table(report))
    if report.spec.kind == "label":
        if any(split.pixels.sum() for split in report.splits):  # else no pair was read
            console.print(_class_table(report))
        if absent := report.absent_classes():
            names = escape(", ".join(absent))
            verb = "class occurs" if len(absent) == 1 else "classes occur"
            console.print(f"{len(absent)} {verb} in no training pair: {names}", highlight=False)
    for line in report.colours:
        _say(console, line)
    _print_unused(report.unused, console)
    for warning in report.warnings:
        _say(console, f"warning: {warning}", style="yellow")
    _print_problems(report, console)


def _split_table(report: CheckReport) -> Table:
    table = Table(title=escape(f"{report.title}: {report.root}"), title_justify="left")
    table.add_column("split")
    for column in ("pairs", "without photo", "problems"):
        table.add_column(column, justify="right")
    table.add_column("sizes (width x height: pairs)")
    for split in report.splits:
        sizes = f"same pairs as {split.same_as}" if split.same_as else _sizes(split)
        problems = str(len(split.problems)) if split.problems else "-"
        table.add_row(split.split, str(split.pairs), str(split.without_photo or "-"), problems, sizes)
    return table


def _sizes(split: SplitReport) -> str:
    most = split.sizes.most_common(3)
    listed = ", ".join(f"{width} x {height}: {count}" for (height, width), count in most)
    more = len(split.sizes) - len(most)
    return listed + (f", {counted(more, 'other size')}" if more else "")


def _class_table(report: CheckReport) -> Table:
    splits = [split for split in report.splits if split.pixels.sum()]
    table = Table(title="Classes: share of the pixels, pairs with the class", title_justify="left")
    table.add_column("class")
    for split in splits:
        table.add_column(f"{split.split} pixels", justify="right")
        table.add_column("pairs", justify="right")
    for class_id in range(report.spec.label_channels):
        if not any(split.pixels[class_id] for split in splits):
            continue
        cells: list[str] = []
        for split in splits:
            share = split.pixels[class_id] / split.pixels.sum()
            cells += [f"{share:.2%}" if share else "-", str(split.images[class_id] or "-")]
        table.add_row(escape(class_name(report.spec, class_id)), *cells)
    return table


def _print_problems(report: CheckReport, console: Console) -> None:
    problems = report.problems
    if not problems:
        pairs = sum(split.pairs for split in report.splits if not split.same_as)
        console.print(f"no problems in {counted(pairs, 'pair')}")
        return
    groups = by_cause(problems)
    kinds = f" of {counted(len(groups), 'kind')}" if len(groups) < len(problems) else ""
    console.print(f"{counted(len(problems), 'problem')}{kinds}:", style="bold red")
    for group in groups[:SHOWN_KINDS]:
        _say(console, f"- {told(group, 'pair')}")
    if len(groups) > SHOWN_KINDS:
        rest = sum(map(len, groups[SHOWN_KINDS:]))
        console.print(f"... and {counted(rest, 'more problem')}")


def _print_unused(unused: Contents, console: Console) -> None:
    if unused.others:
        count = counted(len(unused.others), "file is", "files are")
        _say(console, f"{count} in no pair: {ignored(unused.others)}")
    for line in unused.out_of_reach():
        _say(console, f"warning: {line}", style="yellow")
    if unused.loops:
        _say(console, f"links back to a folder that they lie in, not followed: {listed(unused.loops)}")


def _say(console: Console, text: str, style: str | None = None) -> None:
    """One line, however long, without any of it taken for markup."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
