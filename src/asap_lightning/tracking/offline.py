"""Reads W&B's offline run files back, without a server and without the wandb service.

A run folder ``offline-run-<time>-<id>`` holds one ``run-<id>.wandb``: a log of protocol-buffer
records in LevelDB's log format. The file is cut into blocks of 32 KiB; a record lies in one or more
fragments, each with a header (CRC-32, length, kind) and never across a block's end. The first block
begins with a 7-byte file header. The format is not documented by W&B (read from version 0.31), so
whatever is cut short or damaged ends the reading; what came before it is kept.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.untrusted import read_json

BLOCK = 32768
FILE_MAGIC = b":W&B"
FILE_HEADER = 7
FRAGMENT_HEADER = struct.Struct("<IHB")
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass(frozen=True)
class LoggedArtifact:
    """An artifact that a run logged: its files still lie where they will be uploaded from.

    Attributes:
        name, type: as given to W&B.
        aliases: sorted.
        metadata: plain data.
        files: path inside the artifact -> the local file.
        client_id: W&B's name of it before the server has given one.
    """

    name: str
    type: str
    aliases: tuple[str, ...]
    metadata: dict[str, Any]
    files: dict[str, Path]
    client_id: str


@dataclass(frozen=True)
class LoggedTable:
    """A logged table; cells that are pictures are the paths of their files."""

    columns: list[str]
    rows: list[list[Any]]


@dataclass
class OfflineRun:
    """What an offline run has recorded.

    Attributes:
        folder: the run's folder.
        run_id, project, entity, group, name, job_type, notes, tags: as given to W&B.
        config: nested plain containers.
        history: one dict for each logged row, with dotted keys nested; ``_step`` counts the rows.
        summary: the last or the best values, as defined.
        step_metrics: metric name or pattern -> the metric that is its x-axis.
        summaries: metric name or pattern -> what its summary holds, such as ``["max", "last"]``.
        artifacts: what was logged as artifacts, tables included, in order.
        commit: the git commit that W&B recorded.
        exit_code: None if the run was not finished (a crash, or it still runs).
    """

    folder: Path
    run_id: str = ""
    project: str = ""
    entity: str = ""
    group: str = ""
    name: str = ""
    job_type: str = ""
    notes: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    step_metrics: dict[str, str] = field(default_factory=dict)
    summaries: dict[str, list[str]] = field(default_factory=dict)
    artifacts: list[LoggedArtifact] = field(default_factory=list)
    commit: str = ""
    exit_code: int | None = None

    @property
    def finished(self) -> bool:
        """Whether the end of the run was recorded."""
        return self.exit_code is not None

    @property
    def keys(self) -> set[str]:
        """Names of everything logged, without W&B's own (``_step``, ``_runtime``, ...)."""
        return {key for row in self.history for key in row if not key.startswith("_")}

    def series(self, key: str, step: str = "trainer/global_step") -> list[tuple[int, float]]:
        """(step, value) of every row that logged a number under ``key``."""
        rows = (row for row in self.history if isinstance(row.get(key), int | float))
        return [(int(row.get(step, row.get("_step", 0))), float(row[key])) for row in rows]

    def images(self, key: str, step: str = "trainer/global_step") -> dict[int, list[Path]]:
        """Step -> image files logged under ``key``."""
        found: dict[int, list[Path]] = {}
        for row in self.history:
            media = row.get(key)
            if isinstance(media, dict) and str(media.get("_type", "")).startswith("image"):
                names = media.get("filenames") or [media.get("path")]
                found[int(row.get(step, 0))] = [self.folder / "files" / name for name in names if name]
        return found

    def histograms(
        self, key: str, step: str = "trainer/global_step"
    ) -> dict[int, tuple[list[int], list[float]]]:
        """Step -> (counts, edges) of every histogram logged under ``key``."""
        media = [(row, row.get(key)) for row in self.history]
        return {
            int(row.get(step, 0)): (value["values"], value["bins"])
            for row, value in media
            if isinstance(value, dict) and value.get("_type") == "histogram"
        }

    def tables(self, key: str, step: str = "trainer/global_step") -> dict[int, LoggedTable]:
        """Step -> table logged under ``key``."""
        media = [(row, row.get(key)) for row in self.history]
        return {
            int(row.get(step, 0)): self._read_table(value["artifact_path"])
            for row, value in media
            if isinstance(value, dict) and value.get("_type") == "table-file"
        }

    def _read_table(self, address: str) -> LoggedTable:
        """Reads ``wandb-client-artifact://<client id>/<path>``; pictures lie in the same artifact."""
        client_id, _, path = address.partition("://")[2].partition("/")
        (files,) = (artifact.files for artifact in self.artifacts if artifact.client_id == client_id)
        content = read_json(files[path])
        rows = [
            [files[cell["path"]] if isinstance(cell, dict) else cell for cell in row]
            for row in content["data"]
        ]
        return LoggedTable(content["columns"], rows)


def find_offline_runs(folder: str | Path) -> list[Path]:
    """The offline runs' folders at or under ``folder``, oldest first, each once (not through links)."""
    found = {path.parent.resolve() for path in Path(folder).rglob("run-*.wandb") if not path.is_symlink()}
    return sorted(found, key=lambda path: path.name)


def read_offline_run(path: str | Path) -> OfflineRun:
    """Reads a run's folder, or its ``.wandb`` file.

    Raises:
        UserError: there is no such file, or it is not a W&B file.
    """
    path = Path(path)
    files = [path] if path.is_file() else sorted(path.glob("run-*.wandb"))
    if len(files) != 1:
        raise UserError(f"{path}: expected a W&B run folder with one run-<id>.wandb, found {len(files)}")
    run = OfflineRun(folder=files[0].parent.resolve())
    for record in _records(files[0]):
        _apply(run, record)
    return run


def _records(path: Path) -> Iterator[Any]:
    content = path.read_bytes()
    if content[:4] != FILE_MAGIC:
        raise UserError(
            f"{path} is not a W&B run file: it begins with {content[:4]!r}, expected {FILE_MAGIC!r}"
        )
    return _parsed(log_payloads(content))


def _parsed(payloads: Iterable[bytes]) -> Iterator[Any]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from wandb.proto import wandb_internal_pb2

    for payload in payloads:
        record = wandb_internal_pb2.Record()  # type: ignore[attr-defined]
        try:
            record.ParseFromString(payload)
        except DecodeError:
            return
        yield record


def is_closed(path: Path) -> bool:
    """Whether a ``.wandb`` file is written to its end: whether its last blocks hold the exit record."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        blocks = path.stat().st_size // BLOCK
        start = max(0, blocks - 1) * BLOCK
        file.seek(start)
        content = file.read()
    payloads = log_payloads(content, FILE_HEADER if start == 0 else 0)
    return any(record.WhichOneof("record_type") == "exit" for record in _parsed(payloads))


def log_payloads(content: bytes, start: int = FILE_HEADER) -> Iterator[bytes]:
    """The records' bytes, in order; ends at the first fragment that is cut short or damaged.

    Args:
        content: whole blocks; of the last one, what there is.
        start: where the first fragment begins; a record that began before it is passed over.
    """
    at = start
    parts: bytes | None = None
    while at + FRAGMENT_HEADER.size <= len(content):
        left_in_block = BLOCK - at % BLOCK
        if left_in_block < FRAGMENT_HEADER.size:
            at += left_in_block
            continue
        checksum, length, kind = FRAGMENT_HEADER.unpack_from(content, at)
        begin = at + FRAGMENT_HEADER.size
        payload = content[begin : begin + length]
        if len(payload) < length or zlib.crc32(payload, zlib.crc32(bytes([kind]))) != checksum:
            return
        if kind in (FULL, FIRST):
            parts = payload
        elif parts is not None:
            parts += payload
        if kind in (FULL, LAST) and parts is not None:
            yield parts
            parts = None
        at = begin + length


def _apply(run: OfflineRun, record: Any) -> None:
    kind = record.WhichOneof("record_type")
    if kind == "run":
        _apply_run(run, record.run)
    elif kind == "config":
        _update(run.config, record.config.update)
    elif kind == "history":
        row: dict[str, Any] = {}
        _update(row, record.history.item)
        run.history.append(row)
    elif kind == "summary":
        _update(run.summary, record.summary.update)
    elif kind == "metric":
        name = record.metric.name or record.metric.glob_name
        run.step_metrics[name] = record.metric.step_metric
        chosen = record.metric.summary
        kinds = ("min", "max", "mean", "best", "last")
        run.summaries[name] = [kind for kind in kinds if getattr(chosen, kind, False)]
    elif kind == "artifact":
        run.artifacts.append(_artifact(record.artifact))
    elif kind == "exit":
        run.exit_code = record.exit.exit_code


def _artifact(record: Any) -> LoggedArtifact:
    return LoggedArtifact(
        name=record.name,
        type=record.type,
        aliases=tuple(sorted(record.aliases)),
        metadata=json.loads(record.metadata) if record.metadata else {},
        client_id=record.client_id,
        files={entry.path: Path(entry.local_path) for entry in record.manifest.contents},
    )


def _apply_run(run: OfflineRun, record: Any) -> None:
    run.run_id, run.project, run.entity = record.run_id, record.project, record.entity
    run.group, run.name, run.job_type = record.run_group, record.display_name, record.job_type
    run.notes, run.tags = record.notes, list(record.tags)
    run.commit = record.git.commit
    _update(run.config, record.config.update)


def _update(target: dict[str, Any], items: Iterable[Any]) -> None:
    """Sets JSON values under plain or nested keys; a nested key joins the dict that is there."""
    for item in items:
        keys = list(item.nested_key) or [item.key]
        place = target
        for key in keys[:-1]:
            inner = place.get(key)
            if not isinstance(inner, dict):
                inner = place[key] = {}
            place = inner
        place[keys[-1]] = json.loads(item.value_json)
