from __future__ import annotations

import numpy as np
import pytest

from asap_lightning.data.blocks import Blocks
from asap_lightning.data.sampler import TrainingPosition, TrainingSampler

SIZES = (3, 5, 1, 4, 4, 2)


def runs_of(order) -> list[int]:
    return np.searchsorted(np.cumsum(SIZES), order, side="right").tolist()


@pytest.mark.parametrize("window", [1, 2, 3, 6, 100])
def test_every_pair_once_and_no_more_runs_at_a_time_than_the_window(window):
    order = Blocks(SIZES, window).permutation(np.random.default_rng(0))
    assert sorted(order) == list(range(sum(SIZES)))
    seen = runs_of(order)
    spans = {run: (seen.index(run), len(seen) - seen[::-1].index(run)) for run in set(seen)}
    open_at = [sum(first <= at < last for first, last in spans.values()) for at in range(len(seen))]
    assert max(open_at) <= window
    assert window < 3 or max(open_at) > 1


def test_order_is_a_function_of_seed_and_epoch():
    def sampler(**options) -> TrainingSampler:
        return TrainingSampler(sum(SIZES), 2, blocks=Blocks(SIZES, 2), **options)

    assert sampler(seed=1).order(3) == sampler(seed=1).order(3)
    orders = [sampler(seed=seed).order(epoch) for seed in (1, 2) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4
    assert sampler(shuffle=False).order(0) == list(range(18))


def test_ranks_share_what_one_process_sees_and_a_pass_starts_anywhere():
    blocks = Blocks(SIZES, 2)
    alone = list(TrainingSampler(19, 4, blocks=blocks))
    ranks = [list(TrainingSampler(19, 2, rank=r, world_size=2, blocks=blocks)) for r in (0, 1)]
    assert [a + b for a, b in zip(*ranks, strict=True)] == alone
    later = TrainingSampler(19, 4, blocks=blocks, position=TrainingPosition(0, 2))
    assert list(later) == alone[2:]


def test_a_limit_cuts_the_last_run():
    assert Blocks(SIZES, 2).limited(9) == Blocks((3, 5, 1), 2)
    assert Blocks(SIZES, 2).limited(10) == Blocks((3, 5, 1, 1), 2)
    assert Blocks(SIZES, 2).limited(99) == Blocks(SIZES, 2)
