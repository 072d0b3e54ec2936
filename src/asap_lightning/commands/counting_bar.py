"""The progress bar of commands that count: shown on a terminal alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn

Count = Callable[[int, int | None], None]
"""Told how many are done, and of how many; None where that is not known."""


@contextmanager
def counting_bar(doing: str, last: ProgressColumn) -> Iterator[Count]:
    """A bar on standard error.

    Args:
        doing: what stands before it: ``translating``.
        last: what stands behind the counts: the time left, or the pace.
    """
    console = Console(stderr=True)
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), last)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
