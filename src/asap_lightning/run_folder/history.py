"""The rows of ``metrics.csv``: a table by generator update that only grows and outlives a crash."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.untrusted import read_text

STEP = "step"
MAX_TABLE = 2**29
"""Bytes of a table."""


class MetricHistory:
    """A CSV file with one row a step, whose columns may grow while it is written.

    A new row is one ``write`` call at the end of the file; more values for the newest step replace
    its line in place (the line only grows); a new column or a cut rewrites the whole file to a
    temporary one and renames it. So a killed process loses at most the row that it was writing, and
    a line that was torn is dropped when the file is read again.

    Args:
        path: the file.
        read_only: leave the file as it is, torn lines included: another process may be writing it.

    Attributes:
        path: the file.
        columns: ``step`` first, then in order of appearance.
        rows: step -> values by column, in the order of steps.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self.columns: list[str] = [STEP]
        self.rows: dict[int, dict[str, float]] = {}
        self._offset_of_last = 0
        if path.exists():
            self._read()

    @property
    def last_step(self) -> int:
        """The newest step; -1 if there is no row."""
        return next(reversed(self.rows), -1)

    def series(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values of one column, where it has a value."""
        points = [(step, row[name]) for step, row in self.rows.items() if name in row]
        return [step for step, _ in points], [value for _, value in points]

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Adds values at a step; a second call for the same step completes its row.

        Raises:
            ValueError: the step lies before the newest one; `cut_after` comes first.
        """
        if step < self.last_step:
            raise ValueError(f"step {step} comes after step {self.last_step} in {self.path}")
        is_new = step not in self.rows
        self.rows.setdefault(step, {}).update(values)
        new_columns = [name for name in values if name not in self.columns]
        self.columns += new_columns
        if new_columns or not self.path.exists():
            self._rewrite()
        else:
            self._write_last(append=is_new)

    def cut_after(self, step: int) -> int:
        """Drops the rows after ``step`` (they are about to be made again); returns how many."""
        late = [known for known in self.rows if known > step]
        for known in late:
            del self.rows[known]
        if late:
            self._rewrite()
        return len(late)

    def _line(self, cells: Iterable[object]) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        return text.getvalue().encode()

    def _row_line(self, step: int) -> bytes:
        row = self.rows[step]
        return self._line([step, *(_text(row.get(name)) for name in self.columns[1:])])

    def _write_last(self, append: bool) -> None:
        with open(self.path, "r+b", buffering=0) as file:
            if append:
                self._offset_of_last = file.seek(0, io.SEEK_END)
            else:
                file.seek(self._offset_of_last)
            file.write(self._row_line(self.last_step))
            file.truncate()

    def _rewrite(self) -> None:
        lines = [self._line(self.columns), *(self._row_line(step) for step in self.rows)]
        with atomic_write(self.path) as file:
            file.write(b"".join(lines))
        self._offset_of_last = sum(map(len, lines[:-1]))

    def _read(self) -> None:
        text = read_text(self.path, most=MAX_TABLE, errors="replace")
        try:
            table = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1])))
        except csv.Error as error:
            raise UserError(f"{self.path} is not a table of metrics ({error}): move it away") from error
        if not table or table[0][:1] != [STEP]:
            return
        self.columns = table[0]
        for cells in table[1:]:
            if len(cells) == len(self.columns) and cells[0].isdecimal() and len(cells[0]) < 19:
                named = zip(self.columns[1:], cells[1:], strict=True)
                self.rows[int(cells[0])] = {name: float(cell) for name, cell in named if _is_number(cell)}
        self.rows = dict(sorted(self.rows.items()))
        if not self._read_only:
            self._rewrite()


def _text(value: float | None) -> str:
    if value is None:
        return ""
    is_whole = math.isfinite(value) and value == int(value) and abs(value) < 1e15
    return str(int(value)) if is_whole else repr(float(value))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
