"""What answers tell: shares with Wilson's interval, strengths of Bradley and Terry."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
"""Of the two-sided 95% interval of a normal distribution."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float


def wilson(wins: int, count: int, z: float = Z95) -> Interval:
    """The share ``wins / count`` with the score interval of Wilson (1927).

    ``(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)``: within [0, 1] and of positive width for
    every count, also where all answers are alike.

    Raises:
        ValueError: no answers, or more wins than those.
    """
    if not 0 <= wins <= count or count == 0:
        raise ValueError(f"{wins} of {count} is no share")
    share, square = wins / count, z * z / count
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square * square / 4) / (1 + square)
    low = 0.0 if wins == 0 else max(0.0, middle - half)
    high = 1.0 if wins == count else min(1.0, middle + half)
    return Interval(share, low, high)


Wins = Mapping[tuple[int, int], int]
"""(i, j) -> how often i was preferred to j."""


def bradley_terry(wins: Wins, count: int) -> list[Interval]:
    """Strengths of the systems: ``P(i preferred to j) = 1 / (1 + exp(s_j - s_i))``, their mean 0.

    Maximum likelihood (Bradley and Terry 1952) by Newton's method; intervals from the inverse Fisher
    information of the strengths about their mean.

    Args:
        wins: how often each was preferred to each.
        count: number of systems.

    Raises:
        ValueError: there is no maximum, since some systems never won, or never lost, against the others
            (`undecided` names them).
    """
    import numpy as np

    if lonely := undecided(wins, count):
        raise ValueError(f"no finite strengths: {lonely} never won, or never lost, against the others")
    won = np.zeros((count, count))
    for (one, other), number in wins.items():
        won[one, other] = number
    met, strengths = won + won.T, np.zeros(count)
    for _ in range(100):
        chance = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
        gradient = (won - met * chance).sum(axis=1)
        information = -met * chance * chance.T
        np.fill_diagonal(information, 0.0)
        np.fill_diagonal(information, -information.sum(axis=1))
        # The strengths' sum is free: the pseudo-inverse keeps it at 0.
        covariance = np.linalg.pinv(information, hermitian=True)
        step = covariance @ gradient
        strengths = strengths + step * min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        if np.abs(step).max() < 1e-10:
            break
    deviations = Z95 * np.sqrt(np.diag(covariance))
    return [
        Interval(float(value), float(value - half), float(value + half))
        for value, half in zip(strengths, deviations, strict=True)
    ]


def undecided(wins: Wins, count: int) -> list[int]:
    """Systems that nothing sets into proportion to the first: empty exactly if strengths exist.

    They exist if from every system a chain of wins leads to every other (Ford 1957).
    """
    beats = [[j for j in range(count) if wins.get((i, j), 0) > 0] for i in range(count)]
    beaten = [[j for j in range(count) if wins.get((j, i), 0) > 0] for i in range(count)]
    both = _reached(beats) & _reached(beaten)
    return [system for system in range(count) if system not in both]


def _reached(edges: Sequence[Sequence[int]]) -> set[int]:
    """What can be reached from 0."""
    found, stack = {0}, [0]
    while stack:
        fresh = set(edges[stack.pop()]) - found
        found |= fresh
        stack += fresh
    return found
