"""Units of work given to workers by Ray Data, on this machine or on a cluster."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from asap_lightning.batch.manifest import Row
from asap_lightning.batch.setup import Setup
from asap_lightning.batch.worker import Unit, Worker
from asap_lightning.errors import UserError

log = logging.getLogger(__name__)

RESERVED = 0.5
"""CPUs that no worker takes: where the workers hold all of them, Ray Data's own tasks wait for ever."""
STARTS = 2
STORE = 256 * 2**20
"""Bytes of Ray's object store on this machine: units and rows are small, pictures never go through it."""


@dataclass(frozen=True)
class RayOptions:
    """How Ray is used.

    Attributes:
        workers: how many; None: one for each GPU, or as many as there are CPUs for.
        cpus: CPUs, and threads, of a worker.
        gpus: of a worker; None: one where there are any.
        restarts: of a worker whose process has ended; more than that end the work, with an error.
        address: of a cluster, ``auto`` for the one that this machine belongs to; None starts Ray here.
    """

    workers: int | None = None
    cpus: float = 1.0
    gpus: float | None = None
    restarts: int = 100
    address: str | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UserError(f"batch.workers={self.workers}: at least 1 was expected")
        if not 0 < self.cpus <= 1024 or (self.gpus is not None and not 0 <= self.gpus <= 64):
            raise UserError(
                f"batch.cpus={self.cpus:g}, batch.gpus={self.gpus}: positive numbers were expected"
            )
        if self.restarts < 0:
            raise UserError(f"batch.restarts={self.restarts}: a number from 0 on was expected")


def ray_modules() -> tuple[Any, Any]:
    """``ray`` and ``ray.data``.

    Raises:
        UserError: not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UserError(
            "engine=ray needs Ray, which is not installed: pip install 'asap-lightning[ray]'; "
            "engine=local needs "
            "nothing more"
        ) from error
    return ray, ray.data


@contextmanager
def cluster(options: RayOptions) -> Iterator[Share]:
    """Ray, connected, and how its workers share it; what was started here is ended behind the block."""
    ray, data = ray_modules()
    running = ray.is_initialized()
    if not running:
        how: dict[str, Any] = {"address": options.address} if options.address else {}
        if not options.address:
            how = {"include_dashboard": False, "object_store_memory": STORE}
        _connect(ray, how)
    try:
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        there = ray.cluster_resources()
        yield share(options, float(there.get("CPU", 1)), float(there.get("GPU", 0)))
    finally:
        if not running:
            ray.shutdown()


def _connect(ray: Any, how: dict[str, Any]) -> None:
    """Starts Ray, or connects to it; where a busy machine is too slow for Ray's own patience, once more.

    Raises:
        UserError: there is no such cluster, or Ray does not start.
    """
    for attempt in range(STARTS):
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **how)
            return
        except Exception as error:  # a start that takes too long is a plain Exception
            ray.shutdown()
            if attempt + 1 == STARTS or "timed out" not in str(error):
                where = f"batch.address={how['address']}: " if "address" in how else ""
                raise UserError(f"{where}Ray cannot be started or reached: {error}") from error
            log.warning("Ray has not started in its time: is the machine busy? Trying once more")


@dataclass(frozen=True)
class Share:
    """How workers share a machine or a cluster.

    Attributes:
        workers: how many.
        cpus, gpus: that Ray sets aside for each.
        threads: of each.
    """

    workers: int
    cpus: float
    gpus: float
    threads: int


def share(options: RayOptions, cpus: float, gpus: float) -> Share:
    """How many workers there are and what each gets, so that something is left for Ray Data itself.

    Args:
        options: what the user wants.
        cpus, gpus: that there are.
    """
    each = options.gpus if options.gpus is not None else float(gpus > 0)
    if each > gpus:
        raise UserError(f"batch.gpus={each:g}: Ray knows {gpus:g} GPUs here; use batch.gpus=0")
    by_gpu = int(gpus / each) if each else None
    workers = options.workers or by_gpu or max(1, int(cpus / options.cpus))
    if by_gpu is not None and workers > by_gpu:
        raise UserError(f"batch.workers={workers}: {gpus:g} GPUs are enough for {by_gpu}, see batch.gpus")
    room = max(cpus - RESERVED, 0.1) / workers
    return Share(workers, round(min(options.cpus, room) - 5e-3, 2), each, max(1, int(options.cpus)))


class RayWorker:
    """What Ray starts: a `Worker` whose units and rows travel as bytes."""

    def __init__(self, setup: Setup, kind: type[Worker] = Worker) -> None:
        self._worker: Worker | None = None
        self._refused = ""
        try:
            self._worker = kind(setup)
        except UserError as error:
            self._refused = str(error)

    def __call__(self, batch: Any) -> dict[str, list[bytes]]:
        try:
            if self._worker is None:
                raise UserError(self._refused)
            units = [pickle.loads(given.as_py()) for given in batch["unit"]]
            return {"rows": [pickle.dumps(self._worker(unit)) for unit in units]}
        except UserError as error:  # which every other unit would meet too
            return {"rows": [pickle.dumps(str(error))]}


def with_ray(
    setup: Setup, units: Sequence[Unit], shared: Share, restarts: int, kind: type[Worker] = Worker
) -> Iterator[list[Row]]:
    """The rows of each unit as it is finished.

    A worker whose process ends is started anew, and its unit given to it again; pictures that were finished
    are recognised, and `Attempts` keeps one that ends processes from doing so for ever.

    Raises:
        UserError: an output that cannot be written, or a worker that ended more often than it may.
    """
    ray, data = ray_modules()
    travelling = replace(
        setup,
        threads=shared.threads,
        shards=setup.shards.for_reading() if setup.shards is not None else None,
    )
    work = data.from_items(
        [{"unit": pickle.dumps(unit)} for unit in units], override_num_blocks=max(1, len(units))
    ).map_batches(
        RayWorker,
        fn_constructor_kwargs={"setup": travelling, "kind": kind},
        batch_size=1,
        batch_format="pyarrow",
        compute=data.ActorPoolStrategy(size=shared.workers),
        num_cpus=shared.cpus,
        num_gpus=shared.gpus or None,
        max_restarts=restarts,
        max_task_retries=-1,  # as long as workers are started anew
    )
    try:
        for row in work.iter_rows():
            rows = pickle.loads(row["rows"])
            if isinstance(rows, str):
                raise UserError(rows)
            yield rows
    except (ray.exceptions.ActorDiedError, ray.exceptions.ActorUnavailableError) as error:
        raise UserError(_ended(restarts)) from error
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ray.exceptions.RayActorError):
            raise UserError(_ended(restarts)) from error
        raise


def _ended(restarts: int) -> str:
    return (
        f"a worker's process has ended more than batch.restarts={restarts} times, or cannot start: is there "
        "memory enough for all of them? Fewer batch.workers need less. What is finished is kept: repeat "
        "the command"
    )
