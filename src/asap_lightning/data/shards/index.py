"""The index of a sharded data set: what is in which shard, at which byte, with which checksum."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from asap_lightning.condition import ConditionSpec

INDEX = "index.json"
FORMAT = "asap-lightning shards"
VERSION = 1
Stored = Literal["files", "arrays"]


class Member(NamedTuple):
    """Where a file lies in a shard: first byte, bytes, CRC-32 of its content."""

    offset: int
    size: int
    crc32: int


class StoredSample(NamedTuple):
    """One pair: its name, and its files by what follows the key (``label.png``)."""

    name: str
    key: str
    members: dict[str, Member]


@dataclass(frozen=True)
class Shard:
    """One tar file.

    Attributes:
        name: of the file, beside the index.
        size: bytes.
        sha256: of the file.
        identity: of what it was made from; see `plan`.
        samples: its pairs in order.
    """

    name: str
    size: int
    sha256: str
    identity: str
    samples: list[StoredSample] = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """Plain containers."""
        return {
            "name": self.name,
            "size": self.size,
            "sha256": self.sha256,
            "identity": self.identity,
            "samples": [[name, key, members] for name, key, members in self.samples],
        }


@dataclass(frozen=True)
class ShardIndex:
    """A whole data set.

    Attributes:
        settings: what the shards were made with: ``layout`` (``class`` and ``options`` of the original),
            ``instances``, ``stored`` (``files`` as they were, or decoded ``arrays``), ``resized`` (None, or
            what to, for each split), ``photo_format``, ``photo_quality``.
        spec: what the conditions are.
        splits: the shards of each split.
        same_as: splits whose pairs are those of another split.
    """

    settings: dict[str, Any]
    spec: ConditionSpec
    splits: dict[str, list[Shard]]
    same_as: dict[str, str]

    @property
    def instances(self) -> bool:
        """Whether there are instance maps."""
        return bool(self.settings["instances"])

    @property
    def stored(self) -> Stored:
        """Whether members are the original files or arrays that were decoded already."""
        return self.settings["stored"]

    def shards(self, split: str) -> Sequence[Shard] | None:
        """The shards of a split, or None if it was not written."""
        return self.splits.get(self.same_as.get(split, split))

    def dump(self) -> str:
        """As JSON, one shard a line."""
        head = {
            "format": FORMAT,
            "version": VERSION,
            "settings": self.settings,
            "spec": self.spec.as_dict(),
            "same_as": self.same_as,
        }
        splits = {
            split: "[\n" + ",\n".join(json.dumps(shard.as_json()) for shard in shards) + "\n]"
            for split, shards in self.splits.items()
        }
        body = ",\n".join(f"{json.dumps(split)}: {text}" for split, text in splits.items())
        return f'{json.dumps(head, indent=1)[:-2]},\n "splits": {{\n{body}\n}}\n}}\n'
