"""A data set whose samples are pure functions of (seed, epoch, index)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch.utils.data import Dataset

from asap_lightning.data import resizing
from asap_lightning.data.distortion import distort
from asap_lightning.data.exemplars import Exemplars
from asap_lightning.data.layout import Item, Layout
from asap_lightning.data.sample import Sample
from asap_lightning.data.transforms import PairedTransform
from asap_lightning.errors import UserError

Key = tuple[int, int]
"""Epoch and index."""
AddCanvas = Callable[[Sample, Sequence[int]], Sample]
"""Gives a transformed sample its canvas, as a pure function of it and (seed, epoch, index)."""


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
        add_canvas: what gives samples their canvas, at the size that they have by then.
        exemplars: lends every pair an exemplar; None lends none.

    Attributes:
        with_photo: False leaves the photos out of the samples.
    """

    def __init__(
        self,
        layout: Layout,
        items: Sequence[Item],
        transform: PairedTransform | None = None,
        seed: int = 0,
        add_canvas: AddCanvas | None = None,
        exemplars: Exemplars | None = None,
    ) -> None:
        self.exemplars = exemplars
        self.layout, self.items, self.transform, self.seed = layout, list(items), transform, seed
        self.with_photo, self.add_canvas = True, add_canvas

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: int | Key) -> Sample:
        """The sample of (epoch, index), or of index in epoch 0; raises `UserError` for bad files."""
        epoch, index = (0, key) if isinstance(key, int) else key
        seed = (self.seed, epoch, index)
        sample = self._transformed(index, seed)
        if self.exemplars is not None:
            sample = replace(sample, exemplar=self._exemplar(sample, epoch, index, self.exemplars))
        if self.add_canvas is not None:
            sample = self.add_canvas(sample, seed)
        return sample if self.with_photo else replace(sample, photo=None)

    def _transformed(self, index: int, seed: tuple[int, ...]) -> Sample:
        sample = self.layout.read(self.items[index])
        if not self.with_photo and self.exemplars is None:
            sample = replace(sample, photo=None)
        return sample if self.transform is None else self.transform(sample, seed=seed)

    def _exemplar(self, sample: Sample, epoch: int, index: int, exemplars: Exemplars) -> Sample:
        """The pair that lends its photo, at the size of this one."""
        chosen, seeds = exemplars.choose(epoch, index), exemplars.seeds(epoch, index)
        lent = distort(sample, seeds) if chosen == index else self._transformed(chosen, seeds)
        if lent.photo is None:
            raise UserError(
                f"'{lent.name}' has no photo that could serve as an exemplar: choose a split with photos"
            )
        height, width = sample.size
        return lent.map(lambda name, array: resizing.resize(name, array, height, width))

    def __getitems__(self, keys: Sequence[int | Key]) -> list[Sample | BadSample]:
        """What loaders call: a `UserError` becomes a `BadSample`."""
        samples: list[Sample | BadSample] = []
        for key in keys:
            try:
                samples.append(self[key])
            except UserError as error:
                return [BadSample(str(error))]
        return samples
