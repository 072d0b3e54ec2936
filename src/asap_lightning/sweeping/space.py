"""What a study may choose: one parameter a key of the configuration, its values as override texts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Choice:
    """One of some values, without order.

    Attributes:
        values: as they stand behind ``key=`` on the command line.
    """

    values: tuple[str, ...]

    def suggest(self, trial: BaseTrial, name: str) -> str:
        """The value for a trial, as an override text."""
        return str(trial.suggest_categorical(name, self.values))

    def allows(self, value: Any) -> bool:
        """Whether a study may hold this value."""
        return value in self.values

    @property
    def count(self) -> float:
        """How many different values there are."""
        return len(set(self.values))

    def as_dict(self) -> dict[str, Any]:
        """Plain containers, to be kept in the study."""
        return {"choice": list(self.values)}


@dataclass(frozen=True)
class Whole:
    """An integer from ``low`` to ``high``, both possible, in steps."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        if self.low > self.high or self.step < 1 or (self.log and (self.low < 1 or self.step != 1)):
            raise ValueError(
                f"expected low <= high and step >= 1, on a logarithmic scale low >= 1 and step 1; got {self}"
            )

    def suggest(self, trial: BaseTrial, name: str) -> str:
        """The value for a trial, as an override text."""
        return str(trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log))

    def allows(self, value: Any) -> bool:
        """Whether a study may hold this value."""
        return type(value) is int and self.low <= value <= self.high

    @property
    def count(self) -> float:
        """How many different values there are."""
        return (self.high - self.low) // self.step + 1

    def as_dict(self) -> dict[str, Any]:
        """Plain containers, to be kept in the study."""
        return {"low": self.low, "high": self.high, "step": self.step, "log": self.log}


@dataclass(frozen=True)
class Real:
    """A number between ``low`` and ``high``."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"expected low < high, and for a logarithmic scale low > 0; got {self}")

    def suggest(self, trial: BaseTrial, name: str) -> str:
        """The value for a trial, as an override text."""
        return repr(trial.suggest_float(name, self.low, self.high, log=self.log))

    def allows(self, value: Any) -> bool:
        """Whether a study may hold this value."""
        return type(value) is float and self.low <= value <= self.high

    @property
    def count(self) -> float:
        """Infinitely many."""
        return math.inf

    def as_dict(self) -> dict[str, Any]:
        """Plain containers, to be kept in the study."""
        return {"low": self.low, "high": self.high, "log": self.log}


Parameter = Choice | Whole | Real
