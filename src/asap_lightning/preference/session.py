"""The questions of a study, and which of them a participant gets, in which order, on which side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Literal

from asap_lightning.preference.protocol import Protocol
from asap_lightning.preference.study import Study

Kind = Literal["practice", "main", "vigilance"]
Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True)
class Question:
    """Two pictures to choose from.

    Attributes:
        pictures: their files; of a question with a right answer, that one first.
        condition: file of the input that is shown with them; None for none.
    """

    pictures: tuple[str, str]
    condition: str | None = None


@dataclass(frozen=True)
class Trial:
    """A question as a participant sees it.

    Attributes:
        kind: whether it counts (``main``), teaches (``practice``) or tells whether somebody looks.
        left, right: files of the pictures.
        condition: file of the input; None for none.
        expected: the right side where there is one.
    """

    kind: Kind
    left: str
    right: str
    condition: str | None = None
    expected: Side | None = None

    def picture(self, place: str) -> str | None:
        """The file at ``left``, ``right`` or ``condition``."""
        return {"left": self.left, "right": self.right, "condition": self.condition}.get(place)


def questions(study: Study, comparison: tuple[int, int]) -> list[Question]:
    """One question an item: the pictures of two systems, real photos first where there are any."""
    one, other = comparison
    return [
        Question((study.files[other][study.partner(item)], study.files[one][item]), _condition(study, item))
        for item in range(len(study.items))
    ]


def obvious_questions(study: Study) -> list[Question]:
    """A picture and a ruined copy of it: the picture is the right answer to every question that is asked."""
    return [
        Question((study.files[shown.system][shown.item], file), _condition(study, shown.item))
        for file, shown in study.spoiled.items()
    ]


def _condition(study: Study, item: int) -> str | None:
    return study.conditions[item] if study.conditions else None


def question_groups(study: Study) -> list[list[Question]]:
    """Questions among which one session's are drawn; every group in the study's order."""
    groups = [questions(study, comparison) for comparison in study.comparisons]
    if not study.protocol.one_system:
        groups = [[question for group in groups for question in group]]
    for index, group in enumerate(groups):
        Random(f"{study.seed} order {index}").shuffle(group)
    return groups


def plan(study: Study, number: int, seed: str) -> list[Trial]:
    """The trials of participant ``number``.

    Session after session goes on in the study's order of questions, so all are answered equally often once
    everybody has finished; within a session they are shuffled, and each side is the first picture's equally
    often.

    Args:
        study: what is compared.
        number: how many joined before.
        seed: of the order and the sides.
    """
    protocol, groups = study.protocol, question_groups(study)
    group = groups[number % len(groups)]
    begin = number // len(groups) * protocol.trials
    window = [group[(begin + index) % len(group)] for index in range(min(len(group), needed(study)))]
    draw = Random(f"{study.seed} session {seed}")
    obvious = obvious_questions(study)
    draw.shuffle(obvious)
    if study.real is not None:
        practice = window[protocol.trials :]
    else:
        practice = [obvious[index % len(obvious)] for index in range(protocol.practice)]
    main = window[: protocol.trials]
    draw.shuffle(main)
    answerable = study.real is not None
    trials = [*_placed(practice, "practice", True, draw), *_placed(main, "main", answerable, draw)]
    watched = [obvious[-1 - index % len(obvious)] for index in range(protocol.vigilance)]
    slots = _slots(protocol, draw)
    for slot, trial in reversed(list(zip(slots, _placed(watched, "vigilance", True, draw), strict=True))):
        trials.insert(protocol.practice + slot, trial)
    return trials


def needed(study: Study) -> int:
    """Questions that a session takes out of its group."""
    return study.protocol.trials + (study.protocol.practice if study.real is not None else 0)


def _slots(protocol: Protocol, draw: Random) -> list[int]:
    """After how many of the trials each vigilance trial comes: one in every equal part of the session."""
    count = protocol.vigilance
    bounds = [round(part * protocol.trials / count) for part in range(count + 1)] if count else []
    return [draw.randint(first + 1, last) for first, last in pairwise(bounds)]


def _placed(chosen: Sequence[Question], kind: Kind, has_answer: bool, draw: Random) -> list[Trial]:
    first = draw.randint(0, 1)
    sides = [SIDES[(first + index) % 2] for index in range(len(chosen))]
    draw.shuffle(sides)
    return [_trial(question, kind, side, has_answer) for question, side in zip(chosen, sides, strict=True)]


def _trial(question: Question, kind: Kind, side: Side, has_answer: bool) -> Trial:
    first, second = question.pictures
    left, right = (first, second) if side == "left" else (second, first)
    return Trial(kind, left, right, question.condition, side if has_answer else None)
