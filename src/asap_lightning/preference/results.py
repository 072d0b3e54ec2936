"""What a study has found: preference rates, strengths, and who is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.preference.answers import Answered, Answers
from asap_lightning.preference.statistics import Interval, bradley_terry, undecided, wilson
from asap_lightning.preference.study import Shown, Study


@dataclass(frozen=True)
class Rater:
    """One participant.

    Attributes:
        code: in place of a name.
        answered: trials with an answer, of all kinds.
        planned: trials of the session.
        vigilant: obvious questions that were answered rightly.
        watched: obvious questions that were answered.
        milliseconds: median time of an answer that counts; None without one.
        left: share of those that chose the left side; None without one.
        kept: whether the answers count.
    """

    code: str
    answered: int
    planned: int
    vigilant: int
    watched: int
    milliseconds: float | None
    left: float | None
    kept: bool


@dataclass(frozen=True)
class Comparison:
    """Two systems.

    Attributes:
        one, other: their numbers; ``other`` are the real photos where there are any.
        wins: answers for ``one``.
        answers: all answers that count.
        share: ``wins / answers`` with Wilson's interval; None without answers.
    """

    one: int
    other: int
    wins: int
    answers: int

    @property
    def share(self) -> Interval | None:
        """The preference rate of ``one``."""
        return wilson(self.wins, self.answers) if self.answers else None


@dataclass(frozen=True)
class Results:
    """Everything that the report says.

    Attributes:
        study: what was compared.
        raters: the participants.
        comparisons: the pairs of systems.
        by_item: (comparison, item) -> wins and answers of the first system.
        pass_share: share of obvious questions that a rater must have answered rightly to be counted.
        strengths: of each system; None where they do not exist or there are only two systems.
        why_none: why there are none.
    """

    study: Study
    raters: list[Rater]
    comparisons: list[Comparison]
    by_item: dict[tuple[int, int], tuple[int, int]]
    pass_share: float
    strengths: list[Interval] | None
    why_none: str

    @property
    def answers(self) -> int:
        """Answers that count."""
        return sum(one.answers for one in self.comparisons)

    def as_dict(self) -> dict[str, Any]:
        """What the JSON file holds."""
        names = self.study.systems
        return {
            "title": self.study.title,
            "question": self.study.protocol.question,
            "systems": list(names),
            "real": None if self.study.real is None else names[self.study.real],
            "pass_share": self.pass_share,
            "answers": self.answers,
            "comparisons": [
                {
                    "one": names[one.one],
                    "other": names[one.other],
                    "wins": one.wins,
                    "answers": one.answers,
                    "share": None if one.share is None else vars(one.share),
                }
                for one in self.comparisons
            ],
            "strengths": None
            if self.strengths is None
            else {name: vars(value) for name, value in zip(names, self.strengths, strict=True)},
            "why_no_strengths": self.why_none,
            "raters": [vars(rater) for rater in self.raters],
        }


def find_results(study: Study, answers: Answers, pass_share: float = 0.75) -> Results:
    """Counts the answers of everybody who answered enough of the obvious questions rightly.

    Raises:
        UserError: a share that is none, or the file names pictures that the study has not.
    """
    if not 0 <= pass_share <= 1:
        raise UserError(f"--pass {pass_share:g}: a share from 0 to 1 was expected")
    sessions: dict[int, list[Answered]] = {one.number: [] for one in answers.participants()}
    for answered in answers.everything():
        sessions[answered.participant].append(answered)
    raters = [
        _rater(participant.code, sessions[participant.number], pass_share)
        for participant in answers.participants()
    ]
    kept = [
        answered
        for rater, session in zip(raters, sessions.values(), strict=True)
        if rater.kept
        for answered in session
        if answered.trial.kind == "main" and answered.choice is not None
    ]
    comparisons, by_item = _counted(study, kept, answers)
    strengths, why = _strengths(study, comparisons)
    return Results(study, raters, comparisons, by_item, pass_share, strengths, why)


def _rater(code: str, session: Sequence[Answered], pass_share: float) -> Rater:
    done = [one for one in session if one.choice is not None]
    watched = [one for one in done if one.trial.kind == "vigilance"]
    vigilant = sum(one.choice == one.trial.expected for one in watched)
    main = [one for one in done if one.trial.kind == "main"]
    times = [one.milliseconds for one in main if one.milliseconds is not None]
    return Rater(
        code,
        answered=len(done),
        planned=len(session),
        vigilant=vigilant,
        watched=len(watched),
        milliseconds=float(median(times)) if times else None,
        left=sum(one.choice == "left" for one in main) / len(main) if main else None,
        kept=vigilant >= pass_share * len(watched),
    )


def _counted(
    study: Study, kept: Sequence[Answered], answers: Answers
) -> tuple[list[Comparison], dict[tuple[int, int], tuple[int, int]]]:
    places = {pair: index for index, pair in enumerate(study.comparisons)}
    by_item: dict[tuple[int, int], tuple[int, int]] = {}
    for answered in kept:
        left, right = (
            _owner(study, answered.trial.left, answers),
            _owner(study, answered.trial.right, answers),
        )
        for one, other, side in ((left, right, "left"), (right, left, "right")):
            if (index := places.get((one.system, other.system))) is not None:
                wins, count = by_item.get((index, one.item), (0, 0))
                by_item[index, one.item] = (wins + (answered.choice == side), count + 1)
    comparisons = []
    for pair, index in places.items():
        counts = [entry for (place, _), entry in by_item.items() if place == index]
        comparisons.append(
            Comparison(*pair, sum(wins for wins, _ in counts), sum(count for _, count in counts))
        )
    return comparisons, by_item


def _owner(study: Study, file: str, answers: Answers) -> Shown:
    owner = study.owners.get(file)
    if owner is None or owner.spoiled:
        raise UserError(
            f"{answers.path} names the picture {file!r}, which is none of the study's: the file is damaged, "
            "or of another study"
        )
    return owner


def _strengths(study: Study, comparisons: Sequence[Comparison]) -> tuple[list[Interval] | None, str]:
    count = len(study.systems)
    if count == 2:
        return None, "with two systems the preference rate says it all"
    wins = {}
    for one in comparisons:
        wins[one.one, one.other] = one.wins
        wins[one.other, one.one] = one.answers - one.wins
    if lonely := undecided(wins, count):
        names = ", ".join(study.systems[system] for system in lonely)
        return None, (
            f"{study.systems[0]} and {names} are not linked by wins in both directions, so no finite "
            "strengths explain the answers: more answers are needed"
        )
    return bradley_terry(wins, count), ""
