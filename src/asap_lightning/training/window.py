"""The batches that make one update together, and where a training stands before they have all come.

Gradients are only made when a window is whole: the generator's pass over its batches and its update, then
each of the discriminator's. So every update has its own gradients, made with the other network as it is then,
and inside a window there are none to lose or to keep: a checkpoint from there is one of its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.batch import Batch

Terms = dict[str, Tensor]


class Part(NamedTuple):
    """One batch of a window.

    Attributes:
        batch: with photos.
        planes: its dense condition (B, C, H, W).
        share: of its mean in the window's: every image counts alike, also those of a smaller last batch.
    """

    batch: Batch
    planes: Tensor
    share: float


class Window:
    """The batches of one update; may be gone through several times.

    Args:
        batches: at least one.
        spec: encodes the conditions. The planes of a single batch are made once; those of several are made
            on every pass, as holding them would take the memory that small batches are to save.
    """

    def __init__(self, batches: Sequence[Batch], spec: ConditionSpec) -> None:
        self.batches, self.spec = list(batches), spec
        self.images = sum(len(batch) for batch in batches)
        self._only = spec.encode(batches[0].condition) if len(batches) == 1 else None

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Part]:
        for batch in self.batches:
            planes = self.spec.encode(batch.condition) if self._only is None else self._only
            yield Part(batch, planes, len(batch) / self.images)


def add_terms(sums: Terms, terms: Terms, share: float) -> None:
    """Adds a batch's part to the means over the window."""
    for name, value in terms.items():
        sums[name] = share * value if name not in sums else sums[name] + share * value


def rewind(checkpoint: dict[str, Any], batches: int) -> None:
    """Sets Lightning's counters in a checkpoint back by the batches of a window that is not whole.

    A validation in between is done again too: it lies after the place where the training goes on.
    """
    loops = checkpoint["loops"]["fit_loop"]
    for counts in _counters(loops["epoch_loop.batch_progress"]):
        counts.update({name: count - batches for name, count in counts.items()})
    for counts in _counters(loops["epoch_loop.val_loop.batch_progress"]):
        counts.update(dict.fromkeys(counts, 0))


def _counters(progress: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    return progress["total"], progress["current"]
