import math
from itertools import pairwise

import pytest

from asap_lightning.training.callbacks import Diagnostics, SampleTable
from asap_lightning.training.callbacks.fixed_samples import EverMoreSeldom


def logged(every: int, count: int, dense: int) -> list[int]:
    """Which of ``count`` validations, ``every`` so many steps, are logged."""
    thin, steps = EverMoreSeldom(dense), []
    for step in range(every, every * count + 1, every):
        if thin.due(step):
            thin.logged(step)
            steps.append(step)
    return steps


def test_the_first_are_all_logged_later_ones_ever_more_seldom() -> None:
    assert logged(100, 50, dense=50) == [100 * n for n in range(1, 51)]
    steps = logged(100, 5000, dense=50)
    assert len(steps) <= 50 * (2 + math.log(5000 / 50))
    gaps = [later - earlier for earlier, later in pairwise(steps)]
    assert gaps == sorted(gaps) and gaps[-1] > 5 * gaps[0]


def test_an_untrained_network_counts_as_one() -> None:
    thin = EverMoreSeldom(2)
    assert thin.due(0)
    thin.logged(0)
    assert thin.due(1)


@pytest.mark.parametrize("settings", [{"histogram_every": 0}, {"bins": 0}])
def test_settings_without_sense_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Diagnostics(**settings)


def test_no_rows_is_no_table() -> None:
    assert SampleTable(count=8).enabled and not SampleTable(count=0).enabled
    with pytest.raises(ValueError, match="at least 1"):
        SampleTable(dense=0)
