"""How a session of a study goes, and the protocols of the papers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asap_lightning.errors import UserError

REALISM = "Which picture looks more realistic?"
FIT = "Which picture fits the given layout better?"
PHOTO = "Which picture is the real photo?"
MOST_TRIALS = 2000
LONGEST_TEXT = 500


@dataclass(frozen=True)
class Protocol:
    """One participant's session.

    Attributes:
        question: what is asked of every pair of pictures.
        trials: questions that count.
        practice: questions before them, after which the page says which answer is right; they do not count.
        vigilance: questions with an obvious answer among the trials, which tell whether somebody looks.
        seconds: how long both pictures are seen before one can answer; 0 for as long as it takes.
        one_system: a session compares one pair of systems only, the next session the next pair.
        unpaired: real photos are shown beside results of other inputs.
    """

    question: str = REALISM
    trials: int = 40
    practice: int = 2
    vigilance: int = 4
    seconds: float = 0.0
    one_system: bool = False
    unpaired: bool = False

    def __post_init__(self) -> None:
        if not self.question.strip() or len(self.question) > LONGEST_TEXT:
            raise UserError(f"--question: a text of 1 to {LONGEST_TEXT} characters was expected")
        for name, least in (("trials", 1), ("practice", 0), ("vigilance", 0)):
            number = getattr(self, name)
            if not least <= number <= MOST_TRIALS:
                raise UserError(f"{name} {number}: a number from {least} to {MOST_TRIALS} was expected")
        if self.vigilance > self.trials:
            raise UserError(
                f"vigilance {self.vigilance}: at most one for each of the {self.trials} trials was expected"
            )
        if not 0 <= self.seconds <= 3600:
            raise UserError(f"seconds {self.seconds:g}: 0 (unlimited) to 3600 was expected")


PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Isola et al. 2017, section 3.2: real against fake, 1 s each, then free time; one algorithm a session.
    "pix2pix": {"trials": 40, "practice": 10, "vigilance": 0, "seconds": 1.0, "one_system": True},
    # Park et al. 2019, section 4: the layout and two results, unlimited time; raters were chosen beforehand.
    "spade": {"practice": 0, "vigilance": 0, "question": FIT},
}
"""What the papers tell of their studies; the rest is as in `Protocol`."""
