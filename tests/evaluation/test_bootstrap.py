"""Resampled means and their intervals against scipy and against values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from asap_lightning.evaluation.bootstrap import Estimate, differences, estimates, interval, resampled_means


def scores(models: int, images: int) -> np.ndarray:
    draw = np.random.default_rng(3)
    return draw.gamma(2.0, 1.0, (1, images)) + 0.3 * draw.normal(size=(models, images))


def test_two_images_by_hand() -> None:
    """A draw of two of {0, 1} has the mean 0, 1/2 or 1 with chances 1/4, 1/2, 1/4."""
    means = resampled_means(np.array([[0.0, 1.0]]), draws=20000)
    shares = [float((means == value).mean()) for value in (0.0, 0.5, 1.0)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.015)
    assert estimates(np.array([[0.0, 1.0]]), means) == [Estimate(0.5, 0.0, 1.0)]


def test_intervals_as_scipy_finds_them() -> None:
    table = scores(2, 120)
    means = resampled_means(table, draws=8000)
    for own, found in zip(table, estimates(table, means), strict=True):
        known = bootstrap((own,), np.mean, n_resamples=8000, method="percentile", rng=0)
        width = known.confidence_interval.high - known.confidence_interval.low
        assert found.value == pytest.approx(own.mean())
        ends = (known.confidence_interval.low, known.confidence_interval.high)
        assert (found.low, found.high) == pytest.approx(ends, abs=0.06 * width)


def test_differences_are_paired() -> None:
    table = scores(2, 120)
    means = resampled_means(table, draws=8000)
    found = differences(table, means)[0, 1]
    known = bootstrap(
        (table[0], table[1]),
        lambda one, other, axis: (one - other).mean(axis=axis),
        n_resamples=8000,
        method="percentile",
        paired=True,
        rng=0,
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx(
        (known.low, known.high), abs=0.06 * (known.high - known.low)
    )
    assert found.low is not None and found.high is not None
    alone = interval(means[0])
    assert found.high - found.low < 0.5 * (alone[1] - alone[0]), "what the images share cancels out"


def test_draws_do_not_depend_on_how_many_models_or_blocks_there_are() -> None:
    table = scores(3, 50)
    means = resampled_means(table, draws=300)
    assert np.allclose(resampled_means(table[1:2], draws=300)[0], means[1], rtol=1e-14)
    assert np.array_equal(means, resampled_means(table, draws=300)), "the same seed, the same draws"
    assert not np.array_equal(means, resampled_means(table, draws=300, seed=1))
    constant = resampled_means(np.full((1, 7), 2.5), draws=100)
    assert np.allclose(constant, 2.5, rtol=1e-15)


@pytest.mark.parametrize("table", [np.zeros((1, 0)), np.array([[1.0, np.nan]])])
def test_what_cannot_be_drawn(table: np.ndarray) -> None:
    with pytest.raises(ValueError, match="cannot be made"):
        resampled_means(table)
