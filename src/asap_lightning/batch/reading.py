"""An entry becomes a condition, wherever it lies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from asap_lightning.batch.entries import WEB, Entry
from asap_lightning.batch.setup import Setup
from asap_lightning.batch.urls import fetch
from asap_lightning.data.reading import read_instance
from asap_lightning.data.source import StoredFile
from asap_lightning.errors import UserError
from asap_lightning.inference.conditions import condition_reader
from asap_lightning.inference.translator import Translator

MAX_FILE = 2**30
"""Bytes of one picture's file."""


@dataclass(frozen=True)
class Read:
    """A condition, and the digest of what it was read from."""

    condition: NDArray
    instance: NDArray[np.int32] | None
    digest: str


class EntryReader:
    """Reads entries as the model's training read its own files; threads may read at once.

    Args:
        setup: how, and which shards.
        translator: for its model and its training's settings.
    """

    def __init__(self, setup: Setup, translator: Translator) -> None:
        self._setup, self._spec = setup, translator.spec
        self._read = condition_reader(
            translator.spec,
            translator.layout,
            **vars(setup.labels),
            half=setup.half,
            place=str(setup.checkpoint),
        )

    def __call__(self, entry: Entry) -> Read:
        """Raises `UserError` for what cannot be read."""
        if entry.stored is not None:
            return self._from_shard(entry)
        content = self._content(entry.source)
        instance = None
        digests = [hashlib.sha256(content).hexdigest()]
        if self._spec.instance_edges:
            if entry.instance is None:
                raise UserError(
                    f"{entry.source} has no instance map, which this model needs: column 'instance'"
                )
            other = self._content(entry.instance)
            digests.append(hashlib.sha256(other).hexdigest())
            instance = read_instance(_stored(entry.instance, other))
        return Read(self._read(_stored(entry.source, content)), instance, joined(digests))

    def _from_shard(self, entry: Entry) -> Read:
        assert self._setup.shards is not None and entry.stored is not None
        sample = self._setup.shards.read(entry.stored)
        condition = next(array for array in (sample.label, sample.image, sample.depth) if array is not None)
        return Read(condition, sample.instance, stored_digest(entry))

    def _content(self, source: str) -> bytes:
        if source.lower().startswith(WEB):
            return fetch(source, self._setup.bounds)
        try:
            with open(source, "rb") as file:
                content = file.read(MAX_FILE + 1)
        except OSError as error:
            raise UserError(f"{source} cannot be read: {error.strerror}") from error
        if len(content) > MAX_FILE:
            raise UserError(
                f"{source} has more than {MAX_FILE / 2**30:g} GiB: it is no picture of a data set"
            )
        return content


def source_digest(entry: Entry) -> str | None:
    """What `Read.digest` would be, without decoding anything; None for addresses, which are not asked again.

    Raises:
        OSError: a file is not there.
    """
    if entry.stored is not None:
        return stored_digest(entry)
    sources = [entry.source, *([entry.instance] if entry.instance is not None else [])]
    if any(source.lower().startswith(WEB) for source in sources):
        return None
    digests = []
    for source in sources:
        with Path(source).open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return joined(digests)


def stored_digest(entry: Entry) -> str:
    """Of a member of a shard: what the index says of its content, which is compared when it is read."""
    assert entry.stored is not None
    members = sorted(entry.stored.members.items())
    return "crc32:" + "+".join(f"{place.crc32:08x}:{place.size}" for _, place in members)


def joined(digests: list[str]) -> str:
    """One digest of several."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _stored(source: str, content: bytes) -> StoredFile:
    """The content under a place whose ending is that of the file, as readers of depths go by it."""
    if not source.lower().startswith(WEB):
        return StoredFile(source, content)
    ending = PurePosixPath(unquote(urlsplit(source).path)).suffix
    return StoredFile(source if source.endswith(ending) else f"{source} ({ending})", content)
