"""A DataLoader that counts what it delivers and shows a bad file as one clear message."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader

from asap_lightning.data.batch import Batch, collate
from asap_lightning.data.dataset import BadSample
from asap_lightning.data.sample import Sample
from asap_lightning.data.sampler import TrainingPosition
from asap_lightning.errors import UserError


class PairedLoader(DataLoader[Any]):
    """Yields `Batch`; raises the `UserError` that a worker met, in the main process and as it was.

    `position`, where set, counts the batches that were handed out (not those that workers have
    prepared ahead).
    """

    position: TrainingPosition | None = None

    def __iter__(self) -> Any:
        return _Delivery(super().__iter__(), self.position)


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


def start_worker(worker_id: int) -> None:
    """Leaves Ctrl-C and SIGTERM to the main process, which still needs its workers; both reach the group."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
