"""Which pairs a batch holds: pure functions of (seed, epoch), equal on every rank, resumable.

G below is the global batch, batch_size * world_size. Batch b of an epoch holds the entries
[b G, (b + 1) G) of the epoch's permutation, and rank r takes its r-th block: so that several processes
together see what one process with the batch size G sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler

from asap_lightning.data.blocks import Blocks
from asap_lightning.data.dataset import Key
from asap_lightning.errors import UserError
from asap_lightning.wording import counted


@dataclass
class TrainingPosition:
    """Where the training data stands; shared by the loader, the sampler and the DataModule.

    Attributes:
        epoch: the epoch that is running or starts next.
        start: the batch that this pass over the data began with.
        delivered: batches handed out in this pass.
    """

    epoch: int = 0
    start: int = 0
    delivered: int = 0

    def begin_pass(self) -> None:
        """Called when the loader is iterated: the next epoch, unless nothing was taken from this one.

        Lightning sometimes makes an iterator after a resume and drops it unused; nothing may be
        skipped then.
        """
        if self.delivered:
            self.epoch, self.start, self.delivered = self.epoch + 1, 0, 0

    def resume(self, epoch: int, batch: int) -> None:
        """Makes the next pass start at this batch of this epoch."""
        self.epoch, self.start, self.delivered = epoch, batch, 0


class TrainingSampler(Sampler[list[Key]]):
    """A batch sampler over shuffled pairs; every rank gets the same number of batches.

    Its length is always that of a whole epoch, also when a pass starts in the middle of one.

    Args:
        length: number of pairs.
        batch_size: pairs a batch and rank.
        seed: decides the order.
        position: where to start; see `TrainingPosition`.
        drop_last: leaves out the pairs that do not fill the last global batch (others in every epoch).
            If False, the last batch is smaller, and the order is continued from its beginning
            until all ranks have the same number.
        shuffle: False keeps the order of the data set.
        rank, world_size: which process this is, of how many.
        blocks: keeps pairs near each other that lie in the same files; None shuffles freely.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        *,
        seed: int = 0,
        position: TrainingPosition | None = None,
        drop_last: bool = True,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        blocks: Blocks | None = None,
    ) -> None:
        if batch_size < 1:
            raise UserError(f"data.batch_size={batch_size}: at least 1 was expected")
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.position = position or TrainingPosition()
        self.drop_last, self.shuffle, self.rank, self.world_size = drop_last, shuffle, rank, world_size
        self.blocks = blocks
        if len(self) == 0:
            raise UserError(
                f"the training split has {counted(length, 'pair')}, fewer than one batch of {batch_size}"
                f"{f' on each of {world_size} processes' if world_size > 1 else ''}: set data.batch_size to "
                "at most "
                f"{max(1, length // world_size)}, or data.drop_last=false"
            )

    @property
    def global_batch(self) -> int:
        """Pairs a batch over all ranks."""
        return self.batch_size * self.world_size

    def __len__(self) -> int:
        whole = self.length // self.global_batch
        return whole if self.drop_last else -(-self.length // self.global_batch)

    def order(self, epoch: int) -> list[int]:
        """The indices of an epoch, of all ranks, in order."""
        if self.shuffle:
            random = np.random.default_rng((self.seed, epoch))
            order = (
                random.permutation(self.length) if self.blocks is None else self.blocks.permutation(random)
            )
        else:
            order = np.arange(self.length)
        if self.drop_last:
            order = order[: len(self) * self.global_batch]
        else:
            short = -len(order) % self.world_size
            order = np.resize(order, len(order) + short)
        return order.tolist()

    def batch(self, epoch: int, number: int, order: list[int] | None = None) -> list[Key]:
        """The keys of one batch of this rank."""
        order = self.order(epoch) if order is None else order
        everyone = order[number * self.global_batch : (number + 1) * self.global_batch]
        size = len(everyone) // self.world_size
        return [(epoch, index) for index in everyone[self.rank * size : (self.rank + 1) * size]]

    def __iter__(self) -> Iterator[list[Key]]:
        self.position.begin_pass()
        return self._batches(self.position.epoch, self.position.start)

    def _batches(self, epoch: int, start: int) -> Iterator[list[Key]]:
        order = self.order(epoch)
        for number in range(start, len(self)):
            yield self.batch(epoch, number, order)


class EvaluationSampler(Sampler[int]):
    """Every pair exactly once over all ranks, in order: rank r takes r, r + world_size, ..."""

    def __init__(self, length: int, *, rank: int = 0, world_size: int = 1) -> None:
        self.indices = range(rank, length, world_size)

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)
