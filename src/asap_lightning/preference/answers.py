"""Participants, their trials and answers: one SQLite file, in which an acknowledged answer stays.

Every answer is one transaction that is on the disk (write-ahead log, ``synchronous=FULL``) before it is
acknowledged, so a process or machine may end at any moment. Nothing about persons is kept: no address, no
time of day, no cookie.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from asap_lightning.errors import UserError
from asap_lightning.preference.session import Kind, Side, Trial, plan
from asap_lightning.preference.study import Study, new_token

APPLICATION = 0x41535059
"""Marks the file as one of ours (``PRAGMA application_id``)."""
SCHEMA = """
CREATE TABLE study (token TEXT NOT NULL) STRICT;
CREATE TABLE participant (
    number INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE trial (
    participant INTEGER NOT NULL REFERENCES participant (number),
    position INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('practice', 'main', 'vigilance')),
    left TEXT NOT NULL,
    right TEXT NOT NULL,
    condition TEXT,
    expected TEXT CHECK (expected IN ('left', 'right')),
    PRIMARY KEY (participant, position)
) WITHOUT ROWID, STRICT;
CREATE TABLE answer (
    participant INTEGER NOT NULL,
    position INTEGER NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('left', 'right')),
    milliseconds INTEGER NOT NULL CHECK (milliseconds >= 0),
    PRIMARY KEY (participant, position),
    FOREIGN KEY (participant, position) REFERENCES trial (participant, position)
) WITHOUT ROWID, STRICT;
"""


@dataclass(frozen=True)
class Participant:
    """Somebody who takes part.

    Attributes:
        number: how many joined before.
        token: of the link by which the session goes on.
        code: shown at the end, and in the report in place of a name.
    """

    number: int
    token: str
    code: str


@dataclass(frozen=True)
class Answered:
    """A trial with what was chosen; ``choice`` and ``milliseconds`` are None before."""

    participant: int
    position: int
    trial: Trial
    choice: Side | None
    milliseconds: int | None


class StudyIsFull(Exception):
    """As many take part as the study allows."""


class Answers:
    """The file, for any number of threads and processes.

    Args:
        path: where; made when it is not there.
        study: what it belongs to.

    Raises:
        UserError: damaged, no such file, or of another study.
    """

    def __init__(self, path: Path, study: Study) -> None:
        self.path, self.study = path, study
        self._lock = threading.Lock()
        with self._explained():
            self._file = sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._file.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._file.close()

    def _prepare(self) -> None:
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=FULL")
        self._file.execute("PRAGMA foreign_keys=ON")
        with self._transaction():
            application = self._one("PRAGMA application_id")[0]
            if application == 0 and self._one("SELECT count(*) FROM sqlite_master")[0] == 0:
                for statement in filter(str.strip, SCHEMA.split(";")):
                    self._file.execute(statement)
                self._file.execute("INSERT INTO study VALUES (?)", (self.study.token,))
                self._file.execute(f"PRAGMA application_id={APPLICATION}")
            elif application != APPLICATION:
                raise UserError(f"{self.path} is another program's database, not the answers of a study")
        self._check()

    def _check(self) -> None:
        found = self._one("PRAGMA quick_check(1)")[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        if self._file.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise sqlite3.DatabaseError("answers without their trial")
        if self._one("SELECT token FROM study")[0] != self.study.token:
            raise UserError(f"{self.path} holds the answers of another study than the folder's study.json")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise UserError(
                f"{self.path} cannot be used ({error}): a folder that can be written, on a disk with space, "
                "was expected"
            ) from error
        except sqlite3.DatabaseError as error:
            found = " ".join(str(error).split())
            raise UserError(
                f"{self.path} is damaged ({found}): take a copy of it, or save what can be read with "
                f"sqlite3 {self.path.name} .recover"
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, and on the disk when it ends; one at a time over all processes."""
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    def _one(self, statement: str, *values: object) -> Any:
        """The first row of an answer; None without one."""
        return self._file.execute(statement, values).fetchone()

    def join(self) -> Participant:
        """A new participant with the trials that they get.

        Raises:
            StudyIsFull: nobody more may join.
        """
        with self._lock, self._transaction():
            number = self._one("SELECT coalesce(max(number), -1) + 1 FROM participant")[0]
            if number >= self.study.participants:
                raise StudyIsFull
            joined = Participant(number, new_token(), secrets.token_hex(4).upper())
            self._file.execute(
                "INSERT INTO participant VALUES (?, ?, ?)", (joined.number, joined.token, joined.code)
            )
            # The plan is kept, so answers mean what they meant even when a later version plans otherwise.
            self._file.executemany(
                "INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, position, one.kind, one.left, one.right, one.condition, one.expected)
                    for position, one in enumerate(plan(self.study, number, joined.token))
                ],
            )
        return joined

    def participant(self, token: str) -> Participant | None:
        """Whose link this is; None for nobody's."""
        with self._lock:
            row = self._one("SELECT number, token, code FROM participant WHERE token = ?", token)
        return None if row is None else Participant(*row)

    def participants(self) -> list[Participant]:
        """All, in the order in which they joined."""
        with self._lock, self._explained():
            rows = self._file.execute(
                "SELECT number, token, code FROM participant ORDER BY number"
            ).fetchall()
        return [Participant(*row) for row in rows]

    def session(self, participant: Participant) -> list[Answered]:
        """A participant's trials with their answers, in order."""
        return self._answered("WHERE trial.participant = ?", participant.number)

    def everything(self) -> list[Answered]:
        """All participants' trials with their answers."""
        return self._answered("")

    def _answered(self, where: str, *values: object) -> list[Answered]:
        statement = (
            "SELECT participant, position, kind, left, right, condition, expected, choice, milliseconds "
            f"FROM trial LEFT JOIN answer USING (participant, position) {where} "
            "ORDER BY participant, position"
        )
        with self._lock, self._explained():
            rows = self._file.execute(statement, values).fetchall()
        return [
            Answered(number, position, Trial(cast(Kind, kind), *shown), choice, milliseconds)
            for number, position, kind, *shown, choice, milliseconds in rows
        ]

    def add(self, participant: Participant, position: int, choice: Side, milliseconds: int) -> bool:
        """Keeps an answer; returns whether it now stands there.

        False for one that contradicts an earlier answer or is not to the participant's next question. The
        same answer once more, as after a lost reply, is fine.
        """
        number = participant.number
        with self._lock, self._transaction():
            known = self._one(
                "SELECT choice FROM answer WHERE participant = ? AND position = ?", number, position
            )
            if known is not None:
                return bool(known[0] == choice)
            following = self._one("SELECT count(*) FROM answer WHERE participant = ?", number)[0]
            planned = self._one("SELECT count(*) FROM trial WHERE participant = ?", number)[0]
            if position != following or position >= planned:
                return False
            self._file.execute(
                "INSERT INTO answer VALUES (?, ?, ?, ?)", (number, position, choice, milliseconds)
            )
        return True
