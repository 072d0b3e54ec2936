"""Counting answers: rates, who counts, strengths, and the files of the report."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from asap_lightning.errors import UserError
from asap_lightning.preference.answers import Answered, Answers
from asap_lightning.preference.report import notes, write_report
from asap_lightning.preference.results import Results, find_results
from asap_lightning.preference.study import ANSWERS

from .conftest import Made

Taste = Callable[[Answered, Answers], str]


def prefers(*systems: int, vigilant: bool = True) -> Taste:
    """Chooses the system that stands first in the list; of obvious questions the right or the wrong side."""

    def choose(one: Answered, answers: Answers) -> str:
        owners = {side: answers.study.owners[getattr(one.trial, side)] for side in ("left", "right")}
        if one.trial.kind == "vigilance":
            right = one.trial.expected == "left"
            return "left" if right == vigilant else "right"
        return min(owners, key=lambda side: systems.index(owners[side].system))

    return choose


def answer(answers: Answers, taste: Taste, count: int | None = None) -> None:
    joined = answers.join()
    for one in answers.session(joined)[:count]:
        assert answers.add(joined, one.position, taste(one, answers), 1000 + one.position)  # type: ignore[arg-type]


def results_of(made: Made, *tastes: Taste, pass_share: float = 0.75) -> tuple[Results, Answers]:
    study, folder = made
    answers = Answers(folder / ANSWERS, study)
    for taste in tastes:
        answer(answers, taste)
    return find_results(study, answers, pass_share), answers


def test_rates_count_the_answers_of_those_who_look(make: Callable[..., Made]) -> None:
    careless = prefers(1, 0, vigilant=False)
    results, answers = results_of(
        make("ours", "theirs"), prefers(0, 1), prefers(0, 1), prefers(1, 0), careless
    )
    (only,) = results.comparisons
    assert (only.wins, only.answers) == (12, 18)
    assert only.share is not None and only.share.value == pytest.approx(2 / 3)
    assert [rater.kept for rater in results.raters] == [True, True, True, False]
    assert [(rater.vigilant, rater.watched) for rater in results.raters] == [(2, 2)] * 3 + [(0, 2)]
    assert results.strengths is None
    everybody = find_results(results.study, answers, 0.0)
    assert (everybody.comparisons[0].wins, everybody.comparisons[0].answers) == (12, 24)
    answers.close()


def test_unfinished_sessions_count_as_far_as_they_went(make: Callable[..., Made]) -> None:
    study, folder = make("ours", "theirs", vigilance=0)
    with Answers(folder / ANSWERS, study) as answers:
        answers.join()
        answer(answers, prefers(0, 1), count=5)
        results = find_results(study, answers)
    assert results.comparisons[0].answers == 3, "two of the five were practice"
    assert [(rater.answered, rater.milliseconds) for rater in results.raters] == [(0, None), (5, 1003.0)]


def test_fooling(make: Callable[..., Made]) -> None:
    """The rate of a result is how often it was taken for real."""
    results, answers = results_of(make("ours", "theirs", real=True, trials=12), prefers(0, 2, 1))
    answers.close()
    shares = {one.one: one.share.value for one in results.comparisons if one.share is not None}
    assert shares == {0: 1.0, 1: 0.0} and {one.other for one in results.comparisons} == {2}
    assert results.strengths is None and "not linked by wins in both directions" in results.why_none


def test_strengths_of_three_systems(make: Callable[..., Made]) -> None:
    tastes = [prefers(0, 1, 2), prefers(0, 1, 2), prefers(2, 0, 1), prefers(1, 2, 0)]
    results, answers = results_of(make("a", "b", "c", trials=24), *tastes)
    answers.close()
    assert {(one.one, one.other): (one.wins, one.answers) for one in results.comparisons} == {
        (0, 1): (24, 32),
        (0, 2): (16, 32),
        (1, 2): (24, 32),
    }
    assert results.strengths is not None
    first, second, third = (one.value for one in results.strengths)
    assert first > second > third and first + second + third == pytest.approx(0, abs=1e-9)


def test_files_of_the_report(make: Callable[..., Made], tmp_path: Path) -> None:
    made = make("ours", "theirs", "others", conditions=True, trials=12)
    results, answers = results_of(made, prefers(0, 1, 2), prefers(2, 1, 0), prefers(1, 0, 2))
    written = write_report(results, answers, made[1], tmp_path / "report")
    tokens = [one.token for one in answers.participants()]
    answers.close()
    content = json.loads(written["results"].read_text(encoding="utf-8"))
    assert content["answers"] == 36 and content["systems"] == ["ours", "theirs", "others"]
    assert set(content["strengths"]) == {"ours", "theirs", "others"}
    rows = list(csv.DictReader(written["answers"].read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 3 * 16
    main = [
        row for row in rows if row["kind"] == "main" and {row["left"], row["right"]} == {"ours", "theirs"}
    ]
    wins = sum(row[row["chosen"]] == "ours" for row in main)
    assert wins == content["comparisons"][0]["wins"]
    with Image.open(written["picture"]) as picture:
        assert picture.width > 1000
    page = written["page"].read_text(encoding="utf-8")
    assert "ours preferred to theirs" in page and page.count("data:image/webp") > 10
    for token in (*tokens, results.study.token):  # who reads the report may not answer in somebody's place
        assert all(
            token not in path.read_text(encoding="utf-8", errors="replace") for path in written.values()
        )


def test_nobody_has_answered(make: Callable[..., Made], tmp_path: Path) -> None:
    made = make("ours", "theirs")
    results, answers = results_of(made)
    assert results.comparisons[0].share is None
    assert "no answers" in write_report(results, answers, made[1], tmp_path)["page"].read_text(
        encoding="utf-8"
    )
    answers.close()
    assert any(note.startswith("Fewer than 100 answers") for note in notes(results))


def test_answers_about_pictures_that_the_study_has_not(make: Callable[..., Made]) -> None:
    made = make("ours", "theirs")
    results, answers = results_of(made, prefers(0, 1))
    answers.close()
    with sqlite3.connect(answers.path) as spoiled:
        spoiled.execute("UPDATE trial SET left = 'x.png' WHERE kind = 'main'")
    spoiled.close()
    with (
        Answers(answers.path, results.study) as opened,
        pytest.raises(UserError, match=r"names the picture 'x\.png'"),
    ):
        find_results(results.study, opened)
    with Answers(answers.path, results.study) as opened, pytest.raises(UserError, match="--pass 2"):
        find_results(results.study, opened, 2.0)
