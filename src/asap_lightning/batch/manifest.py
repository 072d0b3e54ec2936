"""What became of each picture, a line each: appended while work goes on, put in order at its end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from asap_lightning.data.shards.parse import is_safe
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.untrusted.text import parse_json

MANIFEST = "manifest.jsonl"
LONGEST = 1_000_000
Status = Literal["done", "failed", "quarantined"]


@dataclass(frozen=True, slots=True)
class Row:
    """What became of a picture.

    Attributes:
        name: of the picture.
        source: where it came from.
        status: ``done``; ``failed``, with the reason in ``error``; ``quarantined``: it has ended its process
            so often that it is not tried any more.
        file: where it is, relative to the output folder: ``a/b.png``, or ``pictures-000000.tar`` for a shard,
            where ``member`` says its name in it.
        member: of a shard; empty for a file of its own.
        digest: SHA-256 of the PNG file.
        source_digest: SHA-256 of what was translated; of a member of a shard its CRC-32 in the index.
        recipe: of the model and the options, see `Recipe`.
        error: why there is no picture.
    """

    name: str
    source: str
    status: Status
    file: str = ""
    member: str = ""
    digest: str = ""
    source_digest: str = ""
    recipe: str = ""
    error: str = ""

    def line(self) -> str:
        """As JSON, without what is empty."""
        return json.dumps({key: value for key, value in asdict(self).items() if value}, ensure_ascii=False)


_FIELDS = tuple(field.name for field in fields(Row))


def parse_row(text: str, place: str) -> Row:
    """The inverse of `Row.line`; a stranger may have written it.

    Raises:
        UserError: no such row.
    """
    node = parse_json(text, place)
    known = isinstance(node, dict) and {"name", "source", "status"} <= node.keys() <= set(_FIELDS)
    if not known or not all(isinstance(value, str) for value in node.values()):
        raise UserError(f"{place} is no row of a manifest")
    row = Row(**node)
    if row.status not in ("done", "failed", "quarantined") or not is_safe(row.name):
        raise UserError(f"{place} is no row of a manifest: its status or name is unknown")
    if row.file and not is_safe(row.file):
        raise UserError(f"{place} names a file outside of the output folder")
    return row


class Manifest:
    """The file ``manifest.jsonl`` of an output folder; one process writes it.

    Args:
        output: the folder.
    """

    def __init__(self, output: Path) -> None:
        self.path = output / MANIFEST

    def load(self) -> dict[str, Row]:
        """Name -> row; of several of one name the last. A last line that was cut off is removed.

        Raises:
            UserError: a damaged line before the last.
        """
        rows: dict[str, Row] = {}
        try:
            with self.path.open("r+b") as file:
                whole = 0
                for number, line in enumerate(iter(lambda: file.readline(LONGEST), b""), start=1):
                    if not line.endswith(b"\n"):  # its process was killed while it wrote
                        file.truncate(whole)
                        break
                    whole += len(line)
                    row = parse_row(line.decode("utf-8", "replace"), f"{self.path}, line {number}")
                    rows[row.name] = row
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error.strerror}") from error
        return rows

    def append(self, rows: Iterable[Row]) -> None:
        """Adds rows; they are on the disk when this returns."""
        text = "".join(f"{row.line()}\n" for row in rows)
        if not text:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def finish(self, names: Iterable[str], rows: Mapping[str, Row]) -> None:
        """Writes the rows anew: one a picture, in the order of the input, others of earlier calls behind
        them.
        """
        listed = [name for name in names if name in rows]
        others = rows.keys() - set(listed)
        with atomic_write(self.path, "w") as file:
            for name in [*listed, *sorted(others)]:
                file.write(f"{rows[name].line()}\n")
