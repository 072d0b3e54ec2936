"""The file of answers: what is acknowledged stays, and what is no such file is refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from asap_lightning.errors import UserError
from asap_lightning.preference.answers import Answers, StudyIsFull
from asap_lightning.preference.session import plan
from asap_lightning.preference.study import ANSWERS, new_token

from .conftest import Made

KILLED = """
import os, signal, sys
from pathlib import Path
from asap_lightning.preference.answers import Answers
from asap_lightning.preference.study import ANSWERS, read_study
folder = Path(sys.argv[1])
answers = Answers(folder / ANSWERS, read_study(folder))
joined = answers.join()
for position in range(5):
    assert answers.add(joined, position, "left", position)
print(joined.token, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_session_is_kept_as_it_was_planned(answers: Answers) -> None:
    joined = answers.join()
    assert answers.participant(joined.token) == joined and answers.participant("x" + joined.token) is None
    assert [one.trial for one in answers.session(joined)] == plan(answers.study, 0, joined.token)
    other = answers.join()
    assert (other.number, len({joined.token, other.token, joined.code, other.code})) == (1, 4)
    assert answers.participants() == [joined, other]


def test_answers_come_in_turn_and_stay(answers: Answers) -> None:
    joined = answers.join()
    assert not answers.add(joined, 1, "left", 5), "its turn has not come"
    assert answers.add(joined, 0, "left", 5)
    assert answers.add(joined, 0, "left", 9), "the same once more, as after a lost reply"
    assert not answers.add(joined, 0, "right", 5), "another content"
    for position in range(1, 10):
        assert answers.add(joined, position, "right", 7)
    assert not answers.add(joined, 10, "right", 7), "there are ten"
    session = answers.session(joined)
    assert [one.choice for one in session] == ["left"] + 9 * ["right"]
    assert session[0].milliseconds == 5


def test_as_many_as_the_study_allows(make: Callable[..., Made]) -> None:
    study, folder = make("ours", "theirs")
    study = replace(study, participants=2)
    with Answers(folder / ANSWERS, study) as answers:
        answers.join()
        answers.join()
        with pytest.raises(StudyIsFull):
            answers.join()


def test_nothing_is_lost_by_kill_9(make: Callable[..., Made]) -> None:
    study, folder = make("ours", "theirs")
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == -9, ended.stderr
    with Answers(folder / ANSWERS, study) as answers:
        joined = answers.participant(ended.stdout.strip())
        assert joined is not None
        kept = [one for one in answers.session(joined) if one.choice is not None]
    assert [(one.position, one.milliseconds) for one in kept] == [(n, n) for n in range(5)]


def test_every_answer_is_on_the_disk(answers: Answers) -> None:
    assert answers._one("PRAGMA journal_mode")[0] == "wal"
    assert answers._one("PRAGMA synchronous")[0] == 2  # FULL: the log is flushed with every transaction


def test_a_damaged_file(make: Callable[..., Made]) -> None:
    study, folder = make("ours", "theirs")
    path = folder / ANSWERS
    with Answers(path, study) as answers:
        for _ in range(50):
            answers.join()
    content = bytearray(path.read_bytes())
    content[4096:12000] = bytes(7904)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"answers\.sqlite is damaged .*\.recover"):
        Answers(path, study)
    path.write_bytes(b"no database at all, but text that is long enough to look like one" * 20)
    with pytest.raises(UserError, match="is damaged"):
        Answers(path, study)


def test_files_of_others(make: Callable[..., Made]) -> None:
    study, folder = make("ours", "theirs")
    with pytest.raises(UserError, match="the answers of another study"):
        Answers(folder / ANSWERS, replace(study, token=new_token()))
    foreign = sqlite3.connect(folder / "foreign.sqlite")
    foreign.execute("CREATE TABLE music (title)")
    foreign.close()
    with pytest.raises(UserError, match="another program's database"):
        Answers(folder / "foreign.sqlite", study)
    with pytest.raises(UserError, match="cannot be used"):
        Answers(folder / "nowhere" / ANSWERS, study)


def test_nothing_about_persons_is_kept(answers: Answers) -> None:
    columns = {
        name
        for (table,) in answers._file.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        for (_, name, *_) in answers._file.execute(f"PRAGMA table_info({table})").fetchall()
    }
    assert columns == {
        *("token", "number", "code", "participant", "position", "kind", "left", "right", "condition"),
        *("expected", "choice", "milliseconds"),
    }
