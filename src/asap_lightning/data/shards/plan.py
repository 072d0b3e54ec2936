"""Which pairs a shard holds: decided before anything is written, so that an interrupted call goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asap_lightning.data.layout import Item, Layout, Split
from asap_lightning.data.shards.index import VERSION
from asap_lightning.data.shards.members import Encoding, encode, files_of
from asap_lightning.errors import UserError

TAR_BLOCK = 512
PROBES = 8
"""Pairs that are encoded to learn how large the others will be."""


@dataclass(frozen=True)
class PlannedShard:
    """One shard to be written.

    Attributes:
        name: of the file.
        split: its split.
        items: its pairs.
        identity: changes with the settings and with name, size or time of any of its files.
    """

    name: str
    split: Split
    items: list[Item] = field(repr=False)
    identity: str


def plan(
    layout: Layout, splits: Sequence[Split], settings: dict[str, Any], encoding: Encoding, shard_bytes: int
) -> tuple[list[PlannedShard], dict[str, str]]:
    """The shards of all splits, and which splits have the pairs of another one.

    Raises:
        UserError: the data set has not all splits, or is not laid out as the layout says.
    """
    planned: list[PlannedShard] = []
    known: dict[Split, list[Item]] = {}
    same_as: dict[str, str] = {}
    for split in splits:
        items = _items(layout, split)
        same = [other for other, pairs in known.items() if pairs == items]
        # a training resizes its pairs to a size of its own
        twin = next(
            (other for other in same if encoding.resize is None or "train" not in (split, other)), None
        )
        if twin is not None:
            same_as[split] = twin
            continue
        known[split] = items
        for number, part in enumerate(_parts(layout, items, split, encoding, shard_bytes)):
            identity = _identity(layout, part, settings)
            planned.append(PlannedShard(f"{split}-{number:06d}.tar", split, part, identity))
    return planned, same_as


def _items(layout: Layout, split: Split) -> list[Item]:
    try:
        return layout.items(split)
    except UserError as error:
        raise UserError(f"{error}\n(Splits can be left out, for example: --splits train val)") from error


def _parts(
    layout: Layout, items: list[Item], split: Split, encoding: Encoding, shard_bytes: int
) -> list[list[Item]]:
    """Neighbouring pairs that fill a shard; at least one each."""
    size = _size_of_files(layout) if not (encoding.arrays or layout.stores_arrays) else None
    if size is None:
        probes = [items[i] for i in np.unique(np.linspace(0, len(items) - 1, PROBES).astype(int))]
        members = [encode(layout, item, encoding, training=split == "train") for item in probes]
        mean = sum(_in_tar(len(m) for m in one.values()) for one in members) / len(probes)
        size = lambda item: mean  # noqa: E731
    parts: list[list[Item]] = []
    room = 0.0
    for item in items:
        needed = size(item)
        if not parts or needed > room:
            parts.append([])
            room = shard_bytes
        parts[-1].append(item)
        room -= needed
    return parts


def _size_of_files(layout: Layout) -> Callable[[Item], float]:
    return lambda item: _in_tar(path.stat().st_size for path in files_of(layout, item).values())


def _in_tar(sizes: Any) -> float:
    """Bytes of these members and the description in a tar file: each has a header and is rounded up."""
    return sum(TAR_BLOCK + -(-size // TAR_BLOCK) * TAR_BLOCK for size in sizes) + 2 * TAR_BLOCK


def _identity(layout: Layout, items: Sequence[Item], settings: dict[str, Any]) -> str:
    pairs = []
    for item in items:
        files = []
        for role, path in files_of(layout, item).items():
            state = path.stat()
            files.append([role, path.name, state.st_size, state.st_mtime_ns])
        pairs.append([item.name, item.index, files])
    text = json.dumps([VERSION, settings, pairs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
