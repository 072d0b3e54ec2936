"""Training from shards is interrupted and goes on with the very next batch; shards lie here or far away."""

from __future__ import annotations

import itertools
from functools import partial

import fsspec
import pytest

from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts import Shards

PAIRS = 11


@pytest.fixture
def made(trees, shard):
    """Eleven pairs in shards of two or three."""
    made = shard(trees.spade(count=PAIRS), "SpadeFolders", {"num_classes": 3}, shard_mb=0.012)
    assert made.summary.splits[0].shards >= 4
    return made


def module(root, tmp_path, **options) -> PairedDataModule:
    layout = partial(Shards, window=2, cache=tmp_path / "cache")
    defaults = {"mode": "resize_and_crop", "batch_size": 2, "seed": 5}
    return PairedDataModule(root, layout, 8, 8, **(defaults | options))


def contents(batches) -> list[tuple]:
    return [(b.names, b.condition.label.tolist(), b.photo.tolist()) for b in batches]


def address(made, serve, where: str) -> str:
    if where == "memory":
        files = fsspec.filesystem("memory")
        files.put(str(made.out), "/bucket/shards", recursive=True)
        return "memory://bucket/shards"
    return serve(made.out).url if where == "http" else str(made.out)


@pytest.mark.parametrize("where", ["folder", "memory", "http"])
@pytest.mark.parametrize("workers", [0, 2])
def test_resume_in_the_middle_of_an_epoch_is_exact(made, serve, tmp_path, where, workers):
    root = address(made, serve, where)
    whole = module(made.out, tmp_path).train_dataloader()
    expected = [*contents(whole), *contents(whole)]
    assert len(expected) == 10
    first = module(root, tmp_path, num_workers=workers)
    taken = contents(itertools.islice(first.train_dataloader(), 3))
    second = module(root, tmp_path, num_workers=workers)
    second.load_state_dict(first.state_dict())
    loader = second.train_dataloader()
    assert taken + contents(loader) + contents(loader) == expected


def test_state_names_what_the_order_depends_on(made, tmp_path):
    state = module(made.out, tmp_path).state_dict()
    assert state["window"] == 2 and state["shards"] == made.summary.splits[0].shards
    with pytest.warns(UserWarning, match="window was 3, is 2"):
        module(made.out, tmp_path).load_state_dict({**state, "window": 3})


def test_two_ranks_see_what_one_process_sees(made, tmp_path):
    alone = contents(module(made.out, tmp_path, batch_size=4).train_dataloader())

    class Rank(PairedDataModule):
        rank = 0
        _rank = property(lambda self: self.rank)
        _world_size = property(lambda self: 2)

    parts = []
    for rank in (0, 1):
        data = Rank(made.out, partial(Shards, window=2), 8, 8, mode="resize_and_crop", batch_size=2, seed=5)
        data.rank = rank
        parts.append(contents(data.train_dataloader()))
    together = [tuple(a + b for a, b in zip(one, two, strict=True)) for one, two in zip(*parts, strict=True)]
    assert together == alone
    names = []
    for rank in (0, 1):
        data = Rank(made.out, Shards, 8, 8)
        data.rank = rank
        names += [name for batch in data.val_dataloader() for name in batch.names]
    assert sorted(names) == [f"{number:03d}" for number in range(PAIRS)]
