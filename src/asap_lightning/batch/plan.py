"""Which pictures are left to do, by an earlier call's manifest and what is really there."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asap_lightning.batch.attempts import Attempts
from asap_lightning.batch.entries import Entry
from asap_lightning.batch.manifest import Row
from asap_lightning.batch.reading import source_digest
from asap_lightning.batch.worker import Unit
from asap_lightning.errors import UserError
from asap_lightning.files import sha256_of
from asap_lightning.inference.work import Overwrite
from asap_lightning.wording import counted, listed

_SHARD = re.compile(r"pictures-(\d{6,9})\.tar")
HASHERS = 4
SMALLEST, LARGEST = 8, 512
"""Pictures of a unit of work."""
_EACH = 16
"""Units for each worker, so that none waits long for the last."""


@dataclass
class Plan:
    """What an earlier call has left to do.

    Attributes:
        left: pictures to translate.
        there: finished, and still as they were written.
        quarantined: not tried any more.
    """

    left: list[Entry] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)


def plan(
    entries: Sequence[Entry], rows: Mapping[str, Row], output: Path, recipe: str, overwrite: Overwrite
) -> Plan:
    """Compares every picture that the manifest calls done with its file, by content.

    A picture is finished if the same recipe made it of the same source, and its file has the digest of the
    manifest. An address is not asked again.

    Args:
        entries: everything that is wanted.
        rows: of the manifest.
        output: the folder.
        recipe: digest of the model and the options.
        overwrite: as for folders: ``no`` refuses pictures of another recipe, ``changed`` makes them anew,
            ``all`` makes all anew, quarantined ones too.

    Raises:
        UserError: pictures of another recipe are there, and ``overwrite`` is ``no``.
    """
    made = Plan()
    if overwrite == "all":
        for entry in entries:
            Attempts(output).end(entry.name)
        made.left = list(entries)
        return made
    stored = _digests_of_shards(output, rows)

    def state(entry: Entry) -> str:
        row = rows.get(entry.name)
        if row is None or row.status == "failed":
            return "left"
        if row.recipe != recipe:
            return "other" if row.status == "done" else "left"
        if row.status == "quarantined":
            return "quarantined"
        return "there" if _is_whole(entry, row, output, stored) else "left"

    with ThreadPoolExecutor(HASHERS) as pool:
        states = list(pool.map(state, entries))
    other = [entry.name for entry, said in zip(entries, states, strict=True) if said == "other"]
    if other and overwrite == "no":
        raise UserError(
            f"{len(other)} of {counted(len(entries), 'picture')} in output={output} were made with another "
            f"checkpoint or other options: {listed(other)}. overwrite=changed makes them anew, "
            "overwrite=true "
            "all of them; or choose another output folder"
        )
    for entry, said in zip(entries, states, strict=True):
        if said in ("left", "other"):
            made.left.append(entry)
        else:
            (made.there if said == "there" else made.quarantined).append(entry.name)
    return made


def _is_whole(entry: Entry, row: Row, output: Path, stored: Mapping[tuple[str, str], str]) -> bool:
    try:
        digest = source_digest(entry)
        if digest is not None and digest != row.source_digest:
            return False
        if row.member:
            return stored.get((row.file, row.member)) == row.digest
        return bool(row.file) and sha256_of(output / row.file) == row.digest
    except OSError:  # the picture or its source is not there: trying it says why
        return False


def _digests_of_shards(output: Path, rows: Mapping[str, Row]) -> dict[tuple[str, str], str]:
    """SHA-256 of every member of the shards that the manifest names, each read once."""
    found: dict[tuple[str, str], str] = {}
    for name in sorted({row.file for row in rows.values() if row.member}):
        with suppress(OSError, tarfile.TarError), tarfile.open(output / name, "r:") as tar:
            for member in tar:
                content: Any = tar.extractfile(member) if member.isreg() else None
                if content is not None:
                    found[name, member.name] = hashlib.file_digest(content, "sha256").hexdigest()
    return found


def units(left: Sequence[Entry], workers: int, size: int | None, output: Path) -> list[Unit]:
    """The pictures in units of work, numbered behind the shards that are there.

    Args:
        left: the pictures.
        workers: how many share them.
        size: pictures of a unit; None chooses.
        output: the folder.
    """
    if size is not None and size < 1:
        raise UserError(f"batch.unit={size}: at least 1 picture was expected")
    chosen = size or min(LARGEST, max(SMALLEST, len(left) // (workers * _EACH)))
    first = 1 + max(shard_numbers(output).values(), default=-1)
    starts = range(0, len(left), chosen)
    return [Unit(first + n, tuple(left[at : at + chosen])) for n, at in enumerate(starts)]


def shard_numbers(output: Path) -> dict[str, int]:
    """Shards of pictures in the folder, with their numbers."""
    names = [path.name for path in output.glob("pictures-*.tar")] if output.is_dir() else []
    return {name: int(match[1]) for name in names if (match := _SHARD.fullmatch(name))}


def remove_unused_shards(output: Path, rows: Mapping[str, Row]) -> None:
    """Removes shards of which the manifest names no picture any more: all were made anew, or never noted."""
    used = {row.file for row in rows.values()}
    for name in shard_numbers(output):
        if name not in used:
            (output / name).unlink(missing_ok=True)
