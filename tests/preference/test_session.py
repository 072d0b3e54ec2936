"""What participants get: every question equally often, each side equally often, nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from asap_lightning.preference.session import plan

from .conftest import ITEMS, Made


def owners(study, trial):
    return [study.owners[trial.left], study.owners[trial.right]]


def test_a_session(make: Callable[..., Made]) -> None:
    study, _ = make("ours", "theirs", conditions=True)
    trials = plan(study, 0, "somebody")
    assert Counter(one.kind for one in trials) == {"practice": 2, "main": 6, "vigilance": 2}
    assert [one.kind for one in trials[:3]] == ["practice", "practice", "main"]
    for one in trials:
        left, right = owners(study, one)
        assert left.item == right.item and one.condition == study.conditions[left.item]
        if one.kind == "main":
            assert {left.system, right.system} == {0, 1} and not (left.spoiled or right.spoiled)
            assert one.expected is None
        else:  # a picture and its ruined copy
            assert left.system == right.system and left.spoiled != right.spoiled
            assert one.expected == ("right" if left.spoiled else "left")
    assert len({owners(study, one)[0].item for one in trials if one.kind == "main"}) == 6


def test_orders_and_sides_are_everybodys_own(make: Callable[..., Made]) -> None:
    study, _ = make("ours", "theirs", trials=ITEMS)
    assert plan(study, 0, "one") == plan(study, 0, "one") != plan(study, 0, "another")
    left = Counter(
        owners(study, one)[0].system
        for number in range(50)
        for one in plan(study, number, str(number))
        if one.kind == "main"
    )
    assert left[0] == left[1] == 50 * ITEMS // 2


def test_questions_are_asked_equally_often(make: Callable[..., Made]) -> None:
    study, _ = make("a", "b", "c", trials=6)  # 24 questions, so four sessions ask each once
    asked = Counter(
        frozenset((one.left, one.right))
        for number in range(8)
        for one in plan(study, number, str(number))
        if one.kind == "main"
    )
    assert len(asked) == 24 and set(asked.values()) == {2}


def test_real_photos_are_the_right_answer(make: Callable[..., Made]) -> None:
    study, _ = make("ours", "theirs", real=True, one_system=True)
    assert study.comparisons == [(0, 2), (1, 2)]
    for number in range(4):
        trials = plan(study, number, str(number))
        assert [one.kind for one in trials].count("practice") == 2
        shown = {owner.system for one in trials for owner in owners(study, one)}
        assert shown == {2, number % 2}, "a session compares one system"
        for one in trials:
            expected = owners(study, one)[0 if one.expected == "left" else 1]
            assert expected.system == 2 and not expected.spoiled
        # Practice uses none of the questions that count.
        practised = {one.left for one in trials[:2]} | {one.right for one in trials[:2]}
        assert not practised & {one.left for one in trials if one.kind == "main"}


def test_photos_of_other_inputs(make: Callable[..., Made]) -> None:
    study, _ = make("ours", real=True, unpaired=True, practice=0, vigilance=0)
    pairs = [{(one.system, one.item) for one in owners(study, trial)} for trial in plan(study, 0, "x")]
    assert len(pairs) == 6
    for pair in pairs:
        items = dict(pair)
        assert items[1] == (items[0] + ITEMS // 2) % ITEMS


@pytest.mark.parametrize("vigilance", [0, 1, 5, 6])
def test_any_number_of_vigilance_trials(make: Callable[..., Made], vigilance: int) -> None:
    study, _ = make("ours", "theirs", vigilance=vigilance, practice=0)
    kinds = [one.kind for one in plan(study, 3, "x")]
    assert kinds.count("vigilance") == vigilance and kinds.count("main") == 6 and kinds[0] == "main"
