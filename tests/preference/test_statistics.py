"""Intervals and strengths against values worked by hand and by scipy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binomtest

from asap_lightning.preference.statistics import Z95, bradley_terry, undecided, wilson


def test_wilson_by_hand() -> None:
    """Newcombe 1998, table I: 81 of 263 is 0.2553 to 0.3662; 0 of 20 is 0 to 0.1611."""
    share = wilson(81, 263)
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)
    none = wilson(0, 20)
    assert (none.value, none.low, round(none.high, 4)) == (0.0, 0.0, 0.1611)


@pytest.mark.parametrize(("wins", "count"), [(0, 1), (1, 1), (7, 9), (50, 50), (1234, 5000)])
def test_wilson_as_scipy(wins: int, count: int) -> None:
    share, known = wilson(wins, count), binomtest(wins, count).proportion_ci(0.95, method="wilson")
    assert (share.low, share.high) == pytest.approx((known.low, known.high), abs=1e-12)
    assert 0 <= share.low <= share.value <= share.high <= 1 and share.high > share.low


@pytest.mark.parametrize(("wins", "count"), [(0, 0), (3, 2), (-1, 2)])
def test_no_share(wins: int, count: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        wilson(wins, count)


def test_two_systems_have_the_log_odds_as_difference() -> None:
    """30 of 40: the difference is log 3, its deviation sqrt(1/30 + 1/10)."""
    first, second = bradley_terry({(0, 1): 30, (1, 0): 10}, 2)
    assert first.value - second.value == pytest.approx(math.log(3))
    deviation = math.sqrt(1 / 30 + 1 / 10)
    assert first.high - first.value == pytest.approx(Z95 * deviation / 2)


def test_consistent_wins_give_back_the_strengths() -> None:
    truth = np.array([0.9, 0.1, -0.2, -0.8])
    wins = {(i, j): 1e6 / (1 + math.exp(truth[j] - truth[i])) for i, j in itertools.permutations(range(4), 2)}
    found = bradley_terry(wins, 4)  # type: ignore[arg-type]
    assert [one.value for one in found] == pytest.approx(list(truth), abs=1e-9)


def test_strengths_as_a_general_maximiser_finds_them() -> None:
    wins = {(0, 1): 12, (1, 0): 3, (0, 2): 1, (2, 0): 2, (1, 2): 40, (2, 1): 35}

    def loss(strengths: np.ndarray) -> float:
        pairs = [n * math.log1p(math.exp(strengths[j] - strengths[i])) for (i, j), n in wins.items()]
        return sum(pairs) + 0.5 * float(strengths.sum()) ** 2  # which leaves the maximum and fixes the mean

    known = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-8})
    found = bradley_terry(wins, 3)
    assert [one.value for one in found] == pytest.approx(list(known.x), abs=1e-5)
    # The mean's own variance, 1 / (3 * 3), is what the added term brings.
    inverse = np.linalg.inv(_hessian(loss, known.x)) - 1 / 9
    assert [one.high - one.value for one in found] == pytest.approx(
        list(Z95 * np.sqrt(np.diag(inverse))), rel=1e-3
    )


def _hessian(function, at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    size = len(at)
    unit = step * np.eye(size)
    return np.array(
        [
            [
                function(at + unit[i] + unit[j])
                - function(at + unit[i])
                - function(at + unit[j])
                + function(at)
                for j in range(size)
            ]
            for i in range(size)
        ]
    ) / (step * step)


def test_one_that_always_won_has_no_finite_strength() -> None:
    wins = {(0, 1): 5, (1, 2): 3, (2, 1): 2}
    assert undecided(wins, 3) == [1, 2]
    with pytest.raises(ValueError, match="no finite strengths"):
        bradley_terry(wins, 3)
    assert undecided({(0, 1): 1, (1, 2): 1, (2, 0): 1}, 3) == []
