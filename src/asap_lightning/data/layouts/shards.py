"""Pairs in shards: written by ``asap data shard`` from any other layout."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from asap_lightning.building import build, shown
from asap_lightning.condition import ConditionSpec
from asap_lightning.data.blocks import Blocks
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.layout import SPLITS, Item, Layout, Split
from asap_lightning.data.sample import Sample
from asap_lightning.data.shards.cache import ShardCache, default_folder
from asap_lightning.data.shards.index import FORMAT, INDEX, Member, Shard, ShardIndex
from asap_lightning.data.shards.members import decode
from asap_lightning.data.shards.remote import RemoteStore
from asap_lightning.data.shards.store import LocalStore, ShardReader, Store
from asap_lightning.data.source import StoredFile, is_url
from asap_lightning.errors import UserError

GB = 10**9


def described_layout(source: Any, address: str) -> dict[str, Any]:
    """``class`` and ``options`` of a layout, as an index and a checkpoint hold them, as one description.

    Raises:
        UserError: they do not.
    """
    if not isinstance(source, Mapping) or not isinstance(source.get("options"), Mapping):
        raise UserError(
            f"{address}: the layout that the shards were made from is {shown(source)}; a mapping of "
            "'class' and 'options' was expected: make the shards again with asap data shard"
        )
    return {**source["options"], "_target_": source.get("class")}


@dataclass(frozen=True)
class ShardItem(Item):
    """One pair in a shard.

    Attributes:
        shard: which.
        key: what its members' names begin with.
        members: their places, by what follows the key.
    """

    shard: Shard = field(kw_only=True, compare=False)
    key: str = field(kw_only=True)
    members: dict[str, Member] = field(kw_only=True, compare=False)


class Shards(Layout):
    """Tar files with an ``index.json``, on disk or at an address.

    Conditions are read as by the layout from which the shards were made; its settings are in the index.

    Args:
        root: a folder, or an address: ``https://..``, ``s3://bucket/..``.
        window: shards whose pairs are mixed with each other in training; see `Blocks`.
        cache: folder for copies of shards that lie at an address; by default in the user's cache folder.
        cache_gb: what the copies may take together, in 10^9 bytes.
        source: ``class`` and ``options`` of the original layout; taken from the index unless given. A
            checkpoint carries them.
        instances: whether instance maps are wanted.
    """

    title: ClassVar[str] = "shards"
    config: ClassVar[str] = "shards"
    expected: ClassVar[str] = (
        f"  {INDEX}  what is in the shards\n  train-000000.tar, ..  as asap data shard writes them"
    )
    has_instances: ClassVar[bool] = True

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        window: int = 8,
        cache: str | os.PathLike[str] | None = None,
        cache_gb: float = 50.0,
        source: Mapping[str, Any] | None = None,
        instances: bool = False,
    ) -> None:
        super().__init__(root, instances=instances)
        if window < 1:
            raise UserError(f"data.layout.window={window}: at least 1 shard was expected")
        if cache_gb <= 0:
            raise UserError(f"data.layout.cache_gb={cache_gb}: a positive number was expected")
        self.window, self.cache_gb = window, cache_gb
        self.cache = Path(cache).expanduser() if cache is not None else default_folder()
        self._source: Any = source
        self.remote = is_url(root) and not os.fspath(root).startswith("file://")
        self._address = os.fspath(root).removeprefix("file://")
        self.reader = ShardReader(self._store())

    def _store(self) -> Store:
        if self.remote:
            return RemoteStore(self._address, ShardCache(self.cache, int(self.cache_gb * GB)))
        return LocalStore(Path(self._address))

    @property
    def address(self) -> str:
        return self._address

    @cached_property
    def index(self) -> ShardIndex:
        """What is in the shards.

        Raises:
            UserError: there is none, it is damaged or of another version, or it has no instance maps.
        """
        index = self.reader.store.index()
        if self.instances and not index.instances:
            raise UserError(
                f"data.instance_edges=true, but the shards at {self.address} were made without instance "
                "maps: set data.instance_edges=false, or make them again with asap data shard .. "
                "data.instance_edges=true"
            )
        return index

    def for_reading(self) -> Shards:
        """A copy that reads pairs but lists none: small enough to be sent to other processes."""
        made = copy(self)
        made.index = replace(self.index, splits={}, same_as={})
        return made

    @property
    def source(self) -> Any:
        """``class`` and ``options`` of the original layout."""
        return self._source if self._source is not None else self.index.settings["layout"]

    @cached_property
    def original(self) -> Layout:
        """The layout from which the shards were made, which knows what its files mean."""
        return build(
            described_layout(self.source, self.address),
            "original",
            f"{self.address}: layout",
            root=".",
            instances=False,
        )

    @property
    def labels(self) -> LabelFormat | None:
        """How the original's label files are to be understood, if it has any."""
        return getattr(self.original, "labels", None)

    @property
    def spec(self) -> ConditionSpec:
        return ConditionSpec.from_dict({**self.index.spec.as_dict(), "instance_edges": self.instances})

    @classmethod
    def matches(cls, root: Path) -> bool:
        try:
            with (root / INDEX).open(encoding="utf-8") as file:
                return FORMAT in file.read(200)
        except (OSError, UnicodeDecodeError):
            return False

    def require_root(self) -> None:
        assert self.index

    def splits(self) -> tuple[Split, ...]:
        return tuple(split for split in SPLITS if self.index.shards(split) is not None)

    def find(self, split: Split) -> list[Item]:
        shards = self._shards(split)
        if self.remote:
            self._require_room(shards)
        return [
            ShardItem(
                sample.name,
                Path(shard.name) / sample.key,
                shard=shard,
                key=sample.key,
                members=sample.members,
            )
            for shard in shards
            for sample in shard.samples
        ]

    def _shards(self, split: Split) -> list[Shard]:
        shards = self.index.shards(split)
        if shards is None:
            there = ", ".join(sorted({*self.index.splits, *self.index.same_as}))
            raise UserError(
                f"the shards at {self.address} have no split '{split}', only {there}: make it too, with "
                f"asap data shard .. --splits {split} .."
            )
        return list(shards)

    def _require_room(self, shards: list[Shard]) -> None:
        """The cache holds what one window needs, or every pair would fetch a shard."""
        largest = sorted((shard.size for shard in shards), reverse=True)
        needed = sum(largest[: self.window])
        if needed > self.cache_gb * GB:
            fits = max((n for n in range(len(largest)) if sum(largest[:n]) <= self.cache_gb * GB), default=0)
            advice = f" or mix fewer shards: data.layout.window={fits}" if fits else ""
            raise UserError(
                f"data.layout.cache_gb={self.cache_gb:g} is too small: the "
                f"{min(self.window, len(largest))} shards "
                f"that are read together (data.layout.window) have {needed / GB:.3g} GB. Raise it{advice}"
            )

    def unused(self, used: Iterable[Path]) -> None:
        """Pairs are no files of their own."""

    def blocks(self, split: Split) -> Blocks:
        return Blocks(tuple(len(shard.samples) for shard in self._shards(split)), self.window)

    def resized(self, split: Split) -> Mapping[str, Any] | None:
        """What the pairs of a split were resized to before they were stored; None for nothing."""
        resized = self.index.settings["resized"]
        return None if resized is None else resized["train" if split == "train" else "eval"]

    def read(self, item: Item) -> Sample:
        assert isinstance(item, ShardItem)
        wanted = {
            what: place
            for what, place in item.members.items()
            if self.instances or not what.startswith("instance.")
        }
        contents = self.reader.read(item.shard, list(wanted.values()))
        files = {
            what.partition(".")[0]: StoredFile(f"{self.address}/{item.shard.name}/{item.key}.{what}", content)
            for what, content in zip(wanted, contents, strict=True)
        }
        if self.index.stored == "arrays":
            return decode(item.name, files, self.spec)
        condition = next(
            files[role] for role in ("label", "image", "depth", "pair", "photo") if role in files
        )
        photo = files.get("photo", files.get("pair"))
        return self.original.read(Item(item.name, condition, photo=photo, instance=files.get("instance")))
