from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asap_lightning.data.sampler import EvaluationSampler, TrainingPosition, TrainingSampler
from asap_lightning.errors import UserError

sizes = st.tuples(st.integers(1, 40), st.integers(1, 5), st.integers(1, 4)).filter(
    lambda s: s[0] >= s[1] * s[2]
)


def one_pass(sampler: TrainingSampler) -> list[list[tuple[int, int]]]:
    batches = []
    for batch in sampler:
        batches.append(batch)
        sampler.position.delivered += 1
    return batches


@given(sizes, st.integers(0, 3), st.integers(0, 9))
def test_ranks_together_see_what_one_process_with_the_global_batch_sees(sizes, epoch, seed):
    length, batch_size, world_size = sizes
    one = TrainingSampler(length, batch_size * world_size, seed=seed)
    ranks = [
        TrainingSampler(length, batch_size, seed=seed, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    assert {len(rank) for rank in ranks} == {len(one)}
    for number in range(len(one)):
        assert one.batch(epoch, number) == [key for rank in ranks for key in rank.batch(epoch, number)]


@given(sizes, st.integers(0, 3))
def test_an_epoch_holds_every_pair_once_but_for_the_dropped_ones(sizes, epoch):
    length, batch_size, world_size = sizes
    sampler = TrainingSampler(length, batch_size, world_size=world_size)
    order = sampler.order(epoch)
    assert len(order) == len(set(order)) == length - length % (batch_size * world_size)


@given(sizes)
def test_without_dropping_all_pairs_are_seen_and_ranks_get_equally_many(sizes):
    length, batch_size, world_size = sizes
    seen: list[list[tuple[int, int]]] = []
    for rank in range(world_size):
        sampler = TrainingSampler(length, batch_size, drop_last=False, rank=rank, world_size=world_size)
        seen.append([key for number in range(len(sampler)) for key in sampler.batch(0, number)])
    assert len({len(keys) for keys in seen}) == 1
    assert {index for keys in seen for _, index in keys} == set(range(length))
    assert sum(map(len, seen)) - length < world_size


def test_epochs_differ_and_repeat_for_a_seed():
    sampler = TrainingSampler(20, 2, seed=3)
    assert sampler.order(0) != sampler.order(1)
    assert sampler.order(1) == TrainingSampler(20, 2, seed=3).order(1)
    assert sampler.order(1) != TrainingSampler(20, 2, seed=4).order(1)
    assert TrainingSampler(6, 2, shuffle=False).order(5) == [0, 1, 2, 3, 4, 5]


@given(st.integers(0, 2), st.integers(0, 4))
def test_a_pass_resumes_at_any_batch(epoch, batch):
    straight = TrainingSampler(11, 2, seed=1)
    expected = [one_pass(straight) for _ in range(4)]
    resumed = TrainingSampler(11, 2, seed=1, position=TrainingPosition())
    resumed.position.resume(epoch, batch)
    assert len(resumed) == 5
    assert one_pass(resumed) == expected[epoch][batch:]
    if batch < 5:
        assert one_pass(resumed) == expected[epoch + 1]


def test_an_iterator_that_was_dropped_unused_skips_nothing():
    sampler = TrainingSampler(8, 2)
    first = list(iter(sampler))
    assert list(iter(sampler)) == first


def test_fewer_pairs_than_a_batch_is_a_clear_error():
    with pytest.raises(
        UserError, match=r"3 pairs, fewer than one batch of 4: set data.batch_size to at most 3, or"
    ):
        TrainingSampler(3, 4)
    with pytest.raises(UserError, match=r"on each of 2 processes: set data.batch_size to at most 1"):
        TrainingSampler(3, 2, world_size=2)
    assert len(TrainingSampler(3, 4, drop_last=False)) == 1


@given(st.integers(0, 30), st.integers(1, 5))
def test_evaluation_sees_every_pair_exactly_once(length, world_size):
    ranks = [list(EvaluationSampler(length, rank=rank, world_size=world_size)) for rank in range(world_size)]
    assert sorted(index for rank in ranks for index in rank) == list(range(length))
    assert max(map(len, ranks)) - min(map(len, ranks)) <= 1
