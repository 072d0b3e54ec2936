"""A DataLoader that counts what it delivers and shows a bad file as one clear message."""

from __future__ import annotations

import atexit
import os
import re
import signal
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from weakref import WeakSet

from torch.utils.data import DataLoader

from asap_lightning.data.batch import Batch, collate
from asap_lightning.data.dataset import BadSample
from asap_lightning.data.sample import Sample
from asap_lightning.data.sampler import TrainingPosition
from asap_lightning.errors import UserError

_DEATH = re.compile(
    r"DataLoader worker \(pid(?:\(s\))? (?P<process>[\d, ]+)\) "
    r"(?:is killed by signal: (?P<signal>[^.]+)|exited unexpectedly)"
)

DEFAULT_WORKERS = 2
"""``data.num_workers`` of the configurations."""


class PairedLoader(DataLoader[Any]):
    """Yields `Batch`; raises the `UserError` that a worker met, in the main process and as it was.

    `position`, where set, counts the batches that were handed out (not those that workers have
    prepared ahead).
    """

    position: TrainingPosition | None = None

    def check_worker_number_rationality(self) -> None:
        """Gives torch's advice about more processes than cores, but not about the two of our own default.

        They wait for files more than they compute, so that they serve one core as well.
        """
        if self.num_workers > DEFAULT_WORKERS:
            super().check_worker_number_rationality()

    def __iter__(self) -> Any:
        batches: Any = super().__iter__()
        _workers.update(getattr(batches, "_workers", ()))
        return _Delivery(batches, self.position)


class _Delivery:
    """The iterator of a `PairedLoader`."""

    def __init__(self, batches: Iterator[Batch | BadSample], position: TrainingPosition | None) -> None:
        self.batches, self.position = batches, position

    def __iter__(self) -> _Delivery:
        return self

    def __len__(self) -> int:
        return len(self.batches)  # type: ignore[arg-type]

    def __next__(self) -> Batch:
        batch = next(self.batches)
        if isinstance(batch, BadSample):
            raise UserError(batch.message)
        if self.position is not None:
            self.position.delivered += 1
        return batch


def collate_or_report(samples: Sequence[Sample | BadSample]) -> Batch | BadSample:
    """`collate`, with a user's mistake as a `BadSample` instead of an exception."""
    good: list[Sample] = []
    for sample in samples:
        if isinstance(sample, BadSample):
            return sample
        good.append(sample)
    try:
        return collate(good)
    except UserError as error:
        return BadSample(str(error))


def worker_death(errors: Iterable[BaseException]) -> UserError | None:
    """The message for a loader worker that has died, if one of these errors is torch's note of it.

    torch notices in a signal handler, so the error comes out of whatever the main process was doing.
    """
    notes = [match for error in errors if (match := _DEATH.search(str(error)))]
    if not notes:
        return None
    note = max(notes, key=lambda match: match["signal"] is not None)
    how = f"was killed by the signal {note['signal']}" if note["signal"] else "ended unexpectedly"
    return UserError(
        f"a loader worker (process {note['process']}) {how}. Most often the machine has run out of memory, "
        "or out of shared memory in a container: use a smaller data.num_workers or data.batch_size. "
        "data.num_workers=0 reads in the main process, which shows any other reason. "
        "ckpt=last goes on at the last checkpoint"
    )


_workers: WeakSet[Any] = WeakSet()


@atexit.register
def _end_workers() -> None:
    """Ends workers that are still busy, such as with a download: the program has ended and needs none.

    They ignore the SIGTERM that torch and multiprocessing send, and would be waited for.
    """
    mine = [worker for worker in _workers if worker._parent_pid == os.getpid()]
    busy = [worker for worker in mine if worker.is_alive()]
    if busy:
        if hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch would take their end for an accident
        for worker in busy:
            worker.kill()


def start_worker(worker_id: int) -> None:
    """Leaves Ctrl-C and SIGTERM to the main process, which still needs its workers; both reach the group."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
