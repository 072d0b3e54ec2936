"""Millions of pictures, translated by one process or by the workers of Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.batch.entries import Entry as Entry
    from asap_lightning.batch.entries import folder_entries as folder_entries
    from asap_lightning.batch.entries import read_list as read_list
    from asap_lightning.batch.entries import shard_entries as shard_entries
    from asap_lightning.batch.manifest import Row as Row
    from asap_lightning.batch.ray_engine import RayOptions as RayOptions
    from asap_lightning.batch.run import BatchTally as BatchTally
    from asap_lightning.batch.run import translate_batch as translate_batch
    from asap_lightning.batch.setup import Setup as Setup

_HOMES = {
    "BatchTally": "run",
    "Entry": "entries",
    "RayOptions": "ray_engine",
    "Row": "manifest",
    "Setup": "setup",
    "folder_entries": "entries",
    "read_list": "entries",
    "shard_entries": "entries",
    "translate_batch": "run",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
