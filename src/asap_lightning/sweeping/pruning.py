"""When a trial of a study with two objectives is not worth going on with.

Optuna's pruners compare one value; for two objectives ``Trial.report`` and ``Trial.should_prune`` raise
NotImplementedError, and a trial that is told as PRUNED with values of its steps makes the TPE sampler of
Optuna 5.0 raise. The rule here is ours. A model's cost is known before its training, so a trial is compared
with its *rivals*: the other trials whose models cost no more. It ends when their quality at the same step is
better than its own for too many of them. The cheapest model has no rivals and is never pruned, however bad.

A pruned trial is told to Optuna as complete, with the quality it had reached: quality is the best so far and
only grows, so each rival that beats it then, at no higher cost, dominates it in the end as well. It cannot
enter the Pareto front, and the sampler learns that its region is poor.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Course:
    """How a trial has gone so far.

    Attributes:
        cost: of its model, lower is better.
        quality: step -> what the validation measured; larger is better.
    """

    cost: float
    quality: Mapping[int, float]

    def best_until(self, step: int) -> float | None:
        """The best quality up to ``step``, or None if the trial has not come so far."""
        if not self.quality or max(self.quality) < step:
            return None
        reached = [value for at, value in self.quality.items() if at <= step and math.isfinite(value)]
        return max(reached, default=None)


PruningRule = Callable[[Course, Sequence[Course], int], bool]
"""(trial, the other trials, step) -> whether the trial ends here."""


def rivals_at(trial: Course, others: Sequence[Course], step: int) -> list[float]:
    """Best qualities up to ``step`` of the trials that cost no more and have come that far."""
    values = (other.best_until(step) for other in others if other.cost <= trial.cost)
    return [value for value in values if value is not None]


def pruning_rule(name: str, *, warmup: int = 0, startup: int = 4, reduction: int = 3) -> PruningRule:
    """The rule of this name.

    Args:
        name: ``median``: ends a trial that is worse than the median of its rivals, at every validation.
            ``halving``: successive halving without waiting (ASHA), at the steps warmup, warmup * reduction,
            warmup * reduction^2, ... (the first validation from each on): a trial goes on if it is among the
            best 1 / reduction of itself and its rivals. ``none``: no trial is ended.
        warmup: no trial is ended before this many steps.
        startup: nor with fewer rivals than this.
        reduction: of ``halving``.

    Raises:
        ValueError: another name, or numbers that make no sense.
    """
    if startup < 1 or warmup < 0:
        raise ValueError(f"pruning needs startup >= 1 and warmup >= 0, got {startup} and {warmup}")
    if name == "none":
        return lambda trial, others, step: False
    if name == "median":
        return lambda trial, others, step: step >= warmup and _below_median(trial, others, step, startup)
    if name == "halving":
        if reduction < 2 or warmup < 1:
            raise ValueError(
                f"pruner=halving needs reduction >= 2 and warmup >= 1, got {reduction} and {warmup}"
            )
        return lambda trial, others, step: (
            _at_rung(trial, step, warmup, reduction)
            and _outside_best(trial, others, step, startup, reduction)
        )
    raise ValueError(f"pruner must be median, halving or none, got {name!r}")


def _below_median(trial: Course, others: Sequence[Course], step: int, startup: int) -> bool:
    own, rivals = trial.best_until(step), rivals_at(trial, others, step)
    if own is None:
        return True  # nothing finite
    return len(rivals) >= startup and own < statistics.median(rivals)


def _at_rung(trial: Course, step: int, first: int, reduction: int) -> bool:
    """Whether this validation is the first one at or after a rung."""
    if step < first:
        return False
    rung = first
    while rung * reduction <= step:
        rung *= reduction
    return not any(rung <= at < step for at in trial.quality)


def _outside_best(trial: Course, others: Sequence[Course], step: int, startup: int, reduction: int) -> bool:
    own, rivals = trial.best_until(step), rivals_at(trial, others, step)
    if own is None:
        return True
    places = max(1, (len(rivals) + 1) // reduction)
    return len(rivals) >= startup and sum(value > own for value in rivals) >= places
