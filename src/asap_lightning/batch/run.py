"""A list, shards or a folder of pictures, translated by one process or by many; resumable."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from asap_lightning.batch.attempts import Attempts
from asap_lightning.batch.entries import Entry
from asap_lightning.batch.manifest import Manifest, Row
from asap_lightning.batch.plan import Plan, plan, remove_unused_shards, units
from asap_lightning.batch.ray_engine import RayOptions, cluster, with_ray
from asap_lightning.batch.setup import Setup
from asap_lightning.batch.worker import Unit, Worker
from asap_lightning.errors import UserError
from asap_lightning.inference.origin import Recipe
from asap_lightning.inference.work import Overwrite
from asap_lightning.locks import lock_at, taken
from asap_lightning.wording import Complaint, counted

log = logging.getLogger(__name__)

Engine = Literal["local", "ray"]
Progress = Callable[[int, int], None]
"""Called with the number of pictures that are finished, and of all that are to be translated."""
LOCK = ".manifest.lock"
CHECKED = "there already (overwrite=true makes them anew)"


@dataclass
class BatchTally:
    """What became of the pictures.

    Attributes:
        translated: now.
        there: by an earlier call.
        failures: why pictures could not be translated, those in quarantine among them.
        quarantined: how many of them are not tried any more.
        seconds: spent.
        workers: how many there were.
    """

    translated: int = 0
    there: int = 0
    failures: list[Complaint] = field(default_factory=list)
    quarantined: int = 0
    seconds: float = 0.0
    workers: int = 1


def translate_batch(
    entries: Sequence[Entry],
    setup: Setup,
    *,
    engine: Engine = "local",
    ray: RayOptions | None = None,
    unit: int | None = None,
    overwrite: Overwrite = "no",
    progress: Progress | None = None,
    kind: type[Worker] = Worker,
) -> BatchTally:
    """Translates pictures, and writes ``manifest.jsonl`` with a row for each, see `Row`.

    What an earlier call has finished is left, after its content was compared with the manifest. Whatever ends
    a worker or this process, the next call goes on; every picture is there once.

    Args:
        entries: the pictures; see `read_list`, `shard_entries`, `folder_entries`.
        setup: model, output and how pictures are read.
        engine: ``local`` works in this process, ``ray`` in workers of Ray.
        ray: of that engine.
        unit: pictures that a worker is given at a time, and of a shard; None chooses.
        overwrite: see `plan`.
        progress: see `Progress`.
        kind: the class of workers.

    Raises:
        UserError: an output that cannot be written or that another process writes to, or pictures of another
            recipe there.
    """
    if engine not in ("local", "ray"):
        raise UserError(f"engine={engine}: local or ray was expected")
    started = time.monotonic()
    with _alone(setup.output):
        manifest = Manifest(setup.output)
        rows = manifest.load()
        recipe = Recipe(setup.checkpoint, setup.options()).digest
        planned = plan(entries, rows, setup.output, recipe, overwrite)
        for count, what in ((len(planned.there), CHECKED), (len(planned.quarantined), "in quarantine")):
            if count:
                log.info("%d of %s %s", count, counted(len(entries), "picture"), what)
        tally = BatchTally(there=len(planned.there))
        with _rows(engine, setup, planned, ray or RayOptions(), unit, kind, tally) as made:
            _note(made, manifest, rows, len(planned.left), progress)
        manifest.finish((entry.name for entry in entries), rows)
        remove_unused_shards(setup.output, rows)
        Attempts(setup.output).clear()
    _count(tally, entries, rows, planned)
    tally.seconds = time.monotonic() - started
    return tally


@contextmanager
def _rows(
    engine: Engine,
    setup: Setup,
    planned: Plan,
    ray: RayOptions,
    unit: int | None,
    kind: type[Worker],
    tally: BatchTally,
) -> Iterator[Iterator[list[Row]]]:
    """The rows of units, as they are finished."""
    if not planned.left:
        yield iter(())
    elif engine == "local":
        worker = kind(setup)
        yield map(worker, units(planned.left, 1, unit, setup.output))
    else:
        with cluster(ray) as shared:
            tally.workers = shared.workers
            work: list[Unit] = units(planned.left, shared.workers, unit, setup.output)
            yield with_ray(setup, work, shared, ray.restarts, kind)


def _note(
    made: Iterator[list[Row]],
    manifest: Manifest,
    rows: dict[str, Row],
    total: int,
    progress: Progress | None,
) -> None:
    """Writes rows down as they come; a row that is on the disk is not lost."""
    done = 0
    if progress is not None:
        progress(done, total)
    for some in made:
        try:
            manifest.append(some)
        except OSError as error:
            raise UserError(
                f"{manifest.path} cannot be written: {error.strerror}: free some space"
            ) from error
        rows.update((row.name, row) for row in some)
        done += len(some)
        if progress is not None:
            progress(done, total)


def _count(tally: BatchTally, entries: Sequence[Entry], rows: dict[str, Row], planned: Plan) -> None:
    left = {entry.name for entry in planned.left}
    for entry in entries:
        row = rows[entry.name]
        if row.status == "done":
            tally.translated += entry.name in left
            continue
        tally.quarantined += row.status == "quarantined"
        tally.failures.append(Complaint(row.error, entry.source, (entry.source,)))


@contextmanager
def _alone(output: Path) -> Iterator[None]:
    try:
        lock = lock_at(output / LOCK)
        mine = taken(lock)
    except OSError as error:
        raise UserError(
            f"output={output} cannot be written: {error.strerror}; choose another folder"
        ) from error
    if not mine:
        raise UserError(
            f"output={output}: another asap predict is writing its manifest there; wait until it is done "
            "(engine=ray "
            "uses several processes)"
        )
    try:
        yield
    finally:
        lock.release()
