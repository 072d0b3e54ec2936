"""Writes a data set of any layout as shards: in parallel, resumable, every shard atomically."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asap_lightning.building import check
from asap_lightning.data.layout import SPLITS, Layout, Split
from asap_lightning.data.shards.index import INDEX, Shard, ShardIndex
from asap_lightning.data.shards.members import Encoding, Members, encode, files_of
from asap_lightning.data.shards.parse import MAX_INDEX, checked, parse_shard
from asap_lightning.data.shards.plan import PlannedShard, plan
from asap_lightning.data.shards.store import PARTS, LocalStore
from asap_lightning.data.shards.tar import write_tar
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write, sha256_of
from asap_lightning.locks import FileLock, Timeout
from asap_lightning.untrusted import read_json

MB = 10**6
Progress = Callable[[int, int], None]
"""Called with the number of pairs that are done, and of all."""


@dataclass(frozen=True)
class SplitSummary:
    """What became of one split."""

    split: str
    pairs: int
    shards: int
    kept: int
    size: int
    same_as: str | None = None


@dataclass(frozen=True)
class ShardSummary:
    """What `write_shards` did."""

    out: Path
    splits: list[SplitSummary]
    seconds: float


@dataclass(frozen=True)
class _Job:
    """What one process is given to write one shard."""

    layout: Layout
    encoding: Encoding
    planned: PlannedShard
    out: Path


def write_shards(
    layout: Layout,
    out: Path,
    *,
    source: Mapping[str, Any],
    encoding: Encoding = Encoding(),  # noqa: B008 - immutable
    shard_mb: float = 256.0,
    splits: Sequence[Split] = SPLITS,
    workers: int = 1,
    progress: Progress | None = None,
) -> ShardSummary:
    """Writes the pairs of a data set into tar files of about ``shard_mb`` * 10^6 bytes, and their index.

    Whole shards that an earlier call has left are kept, after their checksum has been compared.

    Args:
        layout: the data set.
        out: the folder that receives the shards.
        source: the layout's settings as ``{_target_: ..}``, for the index.
        encoding: what is done to the pairs.
        shard_mb: size of a shard; one pair at least.
        splits: which splits; one with the pairs of another is not written twice.
        workers: processes.
        progress: see `Progress`.

    Raises:
        UserError: a pair that cannot be read, a folder with something else in it, a full disk.
    """
    if shard_mb <= 0:
        raise UserError(f"--shard-mb {shard_mb:g}: a positive number was expected")
    started = time.monotonic()
    settings = settings_of(layout, source, encoding)
    planned, same_as = plan(layout, splits, settings, encoding, int(shard_mb * MB))
    try:
        with _alone(out):
            earlier = _earlier(out, settings)
            kept = _intact(out, planned, earlier)
            done = sum(len(shard.samples) for shard in kept.values())
            total = sum(len(shard.items) for shard in planned)
            jobs = [_Job(layout, encoding, shard, out) for shard in planned if shard.name not in kept]
            finished = dict(kept)
            if progress is not None:
                progress(done, total)
            with closing(_written(jobs, workers)) as written:
                for shard in written:
                    finished[shard.name] = shard
                    done += len(shard.samples)
                    if progress is not None:
                        progress(done, total)
            index = _index(layout, settings, planned, same_as, finished)
            _finish(out, index, earlier)
    except OSError as error:
        raise UserError(
            f"{out}: the shards could not be written: {error.strerror or error}. Free some space or choose a "
            "writable folder, then repeat the command: it keeps the shards that are finished"
        ) from error
    return ShardSummary(out, _summary(index, splits, kept), time.monotonic() - started)


def settings_of(layout: Layout, source: Mapping[str, Any], encoding: Encoding) -> dict[str, Any]:
    """What the content of the shards depends on beside the files, as plain containers.

    Raises:
        UserError: no index may name this layout, so nobody could read the shards.
    """
    check(source, "original", "data.layout")
    resized = None
    if encoding.resize is not None:
        train, evaluation = encoding.resize
        resized = {"train": asdict(train), "eval": asdict(evaluation)}
    settings = {
        "layout": {  # not as _target_, or whoever builds a configuration that holds this would build it
            "class": source["_target_"],
            "options": {key: value for key, value in source.items() if key not in ("_target_", "_partial_")},
        },
        "instances": layout.instances,
        "stored": "arrays" if encoding.arrays or layout.stores_arrays else "files",
        "resized": resized,
        "photo_format": encoding.photo_format or "ppm",
        "photo_quality": encoding.photo_quality,
    }
    return dict(json.loads(json.dumps(settings)))


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keeps a second call out of the folder; clears what a killed one has left half-written."""
    if out.exists() and not out.is_dir():
        raise UserError(f"out={out} is a file; a folder was expected")
    (out / PARTS).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".lock", timeout=0):
            for folder in (out, out / PARTS):
                for leftover in folder.glob(".*.tmp"):
                    leftover.unlink(missing_ok=True)
            yield
    except Timeout as error:
        raise UserError(
            f"out={out}: another asap data shard is writing there; wait until it is done"
        ) from error


def _earlier(out: Path, settings: Mapping[str, Any]) -> dict[str, Shard]:
    """The shards that an earlier call with the same settings has finished, by name."""
    shards: dict[str, Shard] = {}
    found: dict[str, Any] | None = None
    if (out / INDEX).is_file():
        index = LocalStore(out).index()
        found = index.settings
        shards = {shard.name: shard for part in index.splits.values() for shard in part}
    marker = out / PARTS / "settings.json"
    if marker.is_file():
        found = checked(lambda: dict(read_json(marker)), marker)
    for part in sorted((out / PARTS).glob("*.tar.json")):
        shard = checked(lambda p=part: parse_shard(read_json(p, most=MAX_INDEX)), part)  # type: ignore[misc]
        shards[shard.name] = shard
    if found is not None and found != settings:
        changed = [key for key in settings if found.get(key) != settings[key]]
        listed = "; ".join(f"{key} was {found.get(key)}, is {settings[key]}" for key in changed)
        raise UserError(
            f"out={out} holds shards that were made in another way: {listed}. Choose another folder, or "
            "delete this one first"
        )
    strangers = [path.name for path in out.glob("*.tar")] if found is None else []
    if strangers:
        raise UserError(
            f"out={out} holds tar files that are no shards of this program ({strangers[0]}): choose "
            "another folder"
        )
    with atomic_write(marker, "w") as file:
        json.dump(settings, file)
    return shards


def _intact(out: Path, planned: Sequence[PlannedShard], earlier: Mapping[str, Shard]) -> dict[str, Shard]:
    """Those of the planned shards that are there, made from the same files, with the right checksum."""
    kept = {}
    for wanted in planned:
        shard, path = earlier.get(wanted.name), out / wanted.name
        if shard is None or shard.identity != wanted.identity or not path.is_file():
            continue
        if path.stat().st_size == shard.size and sha256_of(path) == shard.sha256:
            kept[shard.name] = shard
    return kept


def _written(jobs: list[_Job], workers: int) -> Generator[Shard, None, None]:
    if workers <= 1 or len(jobs) <= 1:
        yield from map(_write, jobs)
        return
    rest = iter(jobs)
    with ProcessPoolExecutor(
        min(workers, len(jobs)), multiprocessing.get_context("spawn"), _start_worker
    ) as pool:
        pending: set[Future[Shard]] = set()
        try:
            while True:
                while len(pending) < 2 * workers and (job := next(rest, None)) is not None:
                    pending.add(pool.submit(_write, job))
                if not pending:
                    return
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool as error:
            raise UserError(
                "a process ended before its shard was written, perhaps for want of memory. Repeat the "
                "command with fewer --workers: it keeps the shards that are finished"
            ) from error
        except BaseException:  # Ctrl-C, a bad file: a shard may take minutes, and is begun anew all the same
            for process in list((pool._processes or {}).values()):
                process.kill()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent alone answers Ctrl-C
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed can tell nobody; its processes would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _write(job: _Job) -> Shard:
    """Writes one shard, then the note that it is finished."""
    shard = write_tar(job.out / job.planned.name, job.planned.identity, _encoded(job))
    with atomic_write(job.out / PARTS / f"{shard.name}.json", "w") as file:
        json.dump(shard.as_json(), file)
    return shard


def _encoded(job: _Job) -> Iterator[tuple[str, Members, dict[str, str]]]:
    for item in job.planned.items:
        origins = {role: _origin(path, job.layout.root) for role, path in files_of(job.layout, item).items()}
        members = encode(job.layout, item, job.encoding, training=job.planned.split == "train")
        yield item.name, members, origins


def _origin(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _index(
    layout: Layout,
    settings: dict[str, Any],
    planned: Sequence[PlannedShard],
    same_as: Mapping[str, str],
    finished: Mapping[str, Shard],
) -> ShardIndex:
    splits: dict[str, list[Shard]] = {}
    for shard in planned:
        splits.setdefault(shard.split, []).append(finished[shard.name])
    return ShardIndex(settings, layout.spec, splits, dict(same_as))


def _finish(out: Path, index: ShardIndex, earlier: Mapping[str, Shard]) -> None:
    """Writes the index; only then are the notes and the shards that no longer belong to it removed."""
    with atomic_write(out / INDEX, "w") as file:
        file.write(index.dump())
    named = {shard.name for shards in index.splits.values() for shard in shards}
    for name in earlier.keys() - named:
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / PARTS)


def _summary(index: ShardIndex, splits: Sequence[str], kept: Mapping[str, Shard]) -> list[SplitSummary]:
    rows = []
    for split in splits:
        shards = list(index.shards(split) or ())
        rows.append(
            SplitSummary(
                split,
                pairs=sum(len(shard.samples) for shard in shards),
                shards=len(shards),
                kept=sum(shard.name in kept for shard in shards),
                size=sum(shard.size for shard in shards),
                same_as=index.same_as.get(split),
            )
        )
    return rows
