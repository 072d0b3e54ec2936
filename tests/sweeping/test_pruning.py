"""The pruning rules, by hand."""

from __future__ import annotations

import pytest

from asap_lightning.sweeping.pruning import Course, pruning_rule, rivals_at

FOUR_RIVALS = [Course(1.0, {10: quality}) for quality in (11.0, 12.0, 13.0, 14.0)]


def test_rivals_cost_no_more_and_have_come_as_far() -> None:
    trial = Course(2.0, {10: 5.0, 20: 6.0})
    as_dear, dearer = Course(2.0, {10: 7.0, 20: 4.0}), Course(2.1, {10: 9.0, 20: 9.0})
    behind, without_number = Course(1.0, {10: 8.0}), Course(1.0, {20: float("nan")})
    assert rivals_at(trial, [as_dear, dearer, behind, without_number], 20) == [7.0], "the best so far counts"


@pytest.mark.parametrize(("quality", "pruned"), [(12.4, True), (12.6, False)])
def test_median(quality: float, pruned: bool) -> None:
    rule = pruning_rule("median", startup=4)
    assert rule(Course(1.0, {10: quality}), FOUR_RIVALS, 10) is pruned


def test_median_spares_the_cheapest_the_early_and_the_first() -> None:
    worst = {10: 0.0}
    assert not pruning_rule("median")(Course(0.9, worst), FOUR_RIVALS, 10), "no rival is as cheap"
    assert not pruning_rule("median", warmup=11)(Course(1.0, worst), FOUR_RIVALS, 10)
    assert not pruning_rule("median", startup=5)(Course(1.0, worst), FOUR_RIVALS, 10)
    assert pruning_rule("median")(Course(1.0, worst), FOUR_RIVALS, 10)
    assert not pruning_rule("none")(Course(1.0, worst), FOUR_RIVALS, 10)


def test_halving_decides_once_a_rung_among_the_best_third() -> None:
    rule = pruning_rule("halving", warmup=10, startup=4, reduction=3)
    rivals = [Course(1.0, {10: q, 20: q, 30: q}) for q in (11.0, 12.0, 13.0, 14.0, 15.0)]
    second_of_six, third_of_six = Course(1.0, {10: 14.5}), Course(1.0, {10: 13.5})
    assert not rule(second_of_six, rivals, 10) and rule(third_of_six, rivals, 10)
    between_rungs = Course(1.0, {10: 14.5, 20: 14.5})
    assert not rule(Course(1.0, {10: 0.0, 20: 0.0}), rivals, 20), "10 and 30 are rungs, 20 is none"
    assert not rule(between_rungs, rivals, 20)
    assert rule(Course(1.0, {10: 13.5, 20: 13.5, 30: 13.5}), rivals, 30)
    assert not rule(Course(1.0, {5: 0.0}), rivals, 5)


def test_a_trial_with_nothing_but_nan_ends() -> None:
    assert pruning_rule("median")(Course(1.0, {10: float("nan")}), [], 10)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("hyper", {}), ("median", {"startup": 0}), ("halving", {"reduction": 1, "warmup": 1}), ("halving", {})],
)
def test_rules_that_make_no_sense(name: str, numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"prun|halving"):
        pruning_rule(name, **numbers)
