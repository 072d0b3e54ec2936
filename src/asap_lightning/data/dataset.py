"""A data set whose samples are pure functions of (seed, epoch, index)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch.utils.data import Dataset

from asap_lightning.data.layout import Item, Layout
from asap_lightning.data.sample import Sample
from asap_lightning.data.transforms import PairedTransform
from asap_lightning.errors import UserError

Key = tuple[int, int]
"""Epoch and index."""


@dataclass(frozen=True)
class BadSample:
    """A user's mistake met in a loader worker, on its way to the main process.

    An exception would arrive there as a worker's traceback; this arrives as its message.
    """

    message: str


class PairedDataset(Dataset[Sample]):
    """Pairs of one split, read when asked for.

    Args:
        layout: reads the files.
        items: the pairs.
        transform: applied to every sample, with the seed (seed, epoch, index).
        seed: decides all augmentation.

    Attributes:
        with_photo: False leaves the photos out of the samples.
    """

    def __init__(
        self, layout: Layout, items: Sequence[Item], transform: PairedTransform | None = None, seed: int = 0
    ) -> None:
        self.layout, self.items, self.transform, self.seed = layout, list(items), transform, seed
        self.with_photo = True

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: int | Key) -> Sample:
        """The sample of (epoch, index), or of index in epoch 0; raises `UserError` for bad files."""
        epoch, index = (0, key) if isinstance(key, int) else key
        sample = self.layout.read(self.items[index])
        if not self.with_photo:
            sample = replace(sample, photo=None)
        if self.transform is None:
            return sample
        return self.transform(sample, seed=(self.seed, epoch, index))

    def __getitems__(self, keys: Sequence[int | Key]) -> list[Sample | BadSample]:
        """What loaders call: a `UserError` becomes a `BadSample`."""
        samples: list[Sample | BadSample] = []
        for key in keys:
            try:
                samples.append(self[key])
            except UserError as error:
                return [BadSample(str(error))]
        return samples
