"""What is to be translated: the rows of a list, the pairs of shards, the files of a folder."""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layout import Split
from asap_lightning.data.layouts.shards import ShardItem, Shards
from asap_lightning.data.shards.parse import is_safe
from asap_lightning.errors import UserError
from asap_lightning.inference.jobs import Found, find_jobs, folds_case
from asap_lightning.untrusted.text import parse_json, printable
from asap_lightning.wording import listed

LISTS = (".csv", ".jsonl", ".ndjson", ".txt")
"""Endings of lists: a table with a header, an object a line, a source a line."""
COLUMNS = ("source", "name", "instance")
LONGEST = 65_536
"""Characters of a line of a list."""
WEB = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture to translate.

    Attributes:
        name: of what it becomes, without ending; unique, and a path that stays in its folder.
        source: a file, an ``http(s)://`` address, or where in a shard it lies.
        instance: the file or address of its instance map, for models with instance edges.
        stored: its place in a shard.
    """

    name: str
    source: str
    instance: str | None = None
    stored: ShardItem | None = None


def is_list(source: str) -> bool:
    """Whether an input is a list of pictures."""
    return source.lower().endswith(LISTS) and "://" not in source


def read_list(path: Path, output: Path) -> list[Entry]:
    """The rows of a list.

    A row names a ``source``: a file (relative to the list's folder) or an ``http(s)://`` address. It may give
    a ``name``; else a file is called by its relative path without ending, an address by its host and path.
    Columns beside ``source``, ``name`` and ``instance`` are passed over; so are empty lines, and those of a
    text list that begin with ``#``.

    Args:
        path: a CSV file with a header, JSON lines, or a text file with a source a line.
        output: where the pictures go, which decides whether names may differ by case alone.

    Raises:
        UserError: not readable, a row without source, a name that leaves the folder or occurs twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _rows(path, _lines(path, file))
            entries = [_entry(path, number, row) for number, row in rows]
    except OSError as error:
        raise UserError(f"input={path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"input={path} is not text in UTF-8 ({error}): a list of pictures was expected"
        ) from error
    if not entries:
        raise UserError(f"input={path} lists no pictures: a source a line was expected")
    _require_unique(path, entries, folds_case(output))
    return entries


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """The lines, none longer than a list's may be."""
    while line := file.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise UserError(
                f"input={path} has a line of more than {LONGEST} characters: it is no list of pictures"
            )
        yield line


def _rows(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows with the numbers of their lines."""
    ending = path.suffix.lower()
    if ending == ".csv":
        reader = csv.DictReader(lines)
        if "source" not in (reader.fieldnames or ()):
            found = listed(map(repr, reader.fieldnames or ["nothing"]))
            raise UserError(
                f"input={path}: its first line was expected to name a column 'source', it has {found}"
            )
        try:
            for row in reader:
                yield reader.line_num, row
        except csv.Error as error:
            raise UserError(f"input={path}, line {reader.line_num}: {error}") from error
        return
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or (ending == ".txt" and text.startswith("#")):
            continue
        if ending == ".txt":
            yield number, {"source": text}
            continue
        row = parse_json(text, f"input={path}, line {number}")
        if not isinstance(row, dict):
            raise UserError(
                f'input={path}, line {number}: an object such as {{"source": "a.png"}} was expected'
            )
        yield number, row


def _entry(path: Path, number: int, row: dict[str, Any]) -> Entry:
    place = f"input={path}, line {number}"
    texts = {}
    for column in COLUMNS:
        value = row.get(column)
        if value is not None and not isinstance(value, str):
            raise UserError(f"{place}: {column} is {printable(str(value), 40)}; a text was expected")
        texts[column] = (value or "").strip()
    source = texts["source"]
    if not source or not source.isprintable():
        raise UserError(f"{place}: the source is missing, or no text of one line")
    instance = texts["instance"]
    for text in filter(None, (source, instance)):
        if "://" in text and not text.lower().startswith(WEB):
            raise UserError(f"{place}: {printable(text, 80)}: a file, or an http(s):// address, was expected")
    name = texts["name"] or _name_of(source)
    if not is_safe(name):
        raise UserError(
            f"{place}: the name {printable(name, 80)} leaves the output folder, or is no name of a file; "
            "give "
            "another in a column 'name'"
        )
    return Entry(name, _located(source, path.parent), _located(instance, path.parent) if instance else None)


def _located(text: str, folder: Path) -> str:
    return text if text.lower().startswith(WEB) else str(folder / Path(text).expanduser())


def _name_of(source: str) -> str:
    """A file's relative path, or an address's host and path, without ending."""
    if source.lower().startswith(WEB):
        parts = urlsplit(source)
        source = f"{parts.hostname or 'web'}/{unquote(parts.path).strip('/') or 'index'}"
    path = PurePosixPath(posixpath.normpath(source.replace("\\", "/")))
    inside = [part for part in path.parts if part not in ("/", "..")]
    return PurePosixPath(*inside).with_suffix("").as_posix() if inside else source


def _require_unique(path: Path, entries: list[Entry], folds: bool) -> None:
    seen: dict[str, str] = {}
    for entry in entries:
        key = entry.name.casefold() if folds else entry.name
        if key in seen:
            raise UserError(
                f"input={path}: {seen[key]} and {entry.source} would both be called {entry.name}: names "
                "must differ; "
                "give them in a column 'name', or leave one of the two out"
            )
        seen[key] = entry.source


def shard_entries(shards: Shards, split: Split | None, spec: ConditionSpec) -> list[Entry]:
    """The pairs of shards; of several splits the names begin with the split's.

    Args:
        shards: the data set.
        split: which; None: all.
        spec: of the model, which must translate what the shards hold.

    Raises:
        UserError: no such split, or conditions of another kind.
    """
    there = shards.spec
    if (there.kind, there.planes) != (spec.kind, spec.planes):
        raise UserError(
            f"input={shards.address} holds {there.kind}s of {there.planes} channels, this model translates "
            f"{spec.kind}s of {spec.planes}"
        )
    same = shards.index.same_as
    splits = [split] if split else [each for each in shards.splits() if each not in same]
    entries = []
    for each in splits:
        for item in shards.find(each):
            assert isinstance(item, ShardItem)
            name = item.name if len(splits) == 1 else f"{each}/{item.name}"
            entries.append(Entry(name, f"{shards.address}/{item.shard.name}/{item.key}", stored=_light(item)))
    return entries


def _light(item: ShardItem) -> ShardItem:
    """The item without its photo, which is not translated, and without the other pairs of its shard."""
    roles = [what.partition(".")[0] for what in item.members]
    others = any(role in ("label", "image", "depth") for role in roles)
    members = {
        what: place for what, place in item.members.items() if not (others and what.startswith("photo."))
    }
    shard = type(item.shard)(item.shard.name, item.shard.size, item.shard.sha256, item.shard.identity, [])
    return ShardItem(item.name, item.condition, shard=shard, key=item.key, members=members)


def folder_entries(
    folder: Path, output: Path, spec: ConditionSpec, *, pattern: str, instances: Path | None
) -> tuple[list[Entry], Found]:
    """The files of a folder, named as `asap predict` names them; and what was found there.

    Raises:
        UserError: nothing to translate.
    """
    found = find_jobs(folder, output, spec=spec, pattern=pattern, instances=instances)
    entries = [
        Entry(
            job.target.relative_to(output).with_suffix("").as_posix(),
            str(job.source),
            str(job.instance) if job.instance is not None else None,
        )
        for job in found.jobs
    ]
    return entries, found
