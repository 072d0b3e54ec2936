"""The confusion matrix of one set of images, built up batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from asap_lightning.errors import Unavailable
from asap_lightning.metrics.processes import summed
from asap_lightning.metrics.refusals import refusing
from asap_lightning.metrics.segmentation.confusion import count_confusion, fcn_counts
from asap_lightning.metrics.segmentation.protocol import Protocol
from asap_lightning.metrics.segmentation.scores import SegmentationScores

if TYPE_CHECKING:
    from asap_lightning.metrics.pairs import Pairs

Side = Literal["generated", "photo"]


class SegmentationState:
    """Counts of a segmenter's answers to generated images, or to the real photos.

    Memory: (K + 1)^2 integers, however many images there are.

    Args:
        protocol: how they are counted.
        side: which images are shown to the segmenter.

    Attributes:
        images: number that was counted.
        dropped: number that pix2pix's way of counting has left out.
    """

    def __init__(self, protocol: Protocol, side: Side = "generated") -> None:
        self.protocol, self.side = protocol, side
        side_length = protocol.classes.count + 1
        self.matrix = torch.zeros(side_length, side_length, dtype=torch.int64)
        self.images = self.dropped = 0

    def update(self, pairs: Pairs) -> None:
        """Shows images to the segmenter; those without numbers in them are none."""
        images = pairs.generated if self.side == "generated" else pairs.photo
        if images is None or pairs.label is None:
            return
        whole = [index for index, broken in enumerate(images.broken) if not broken]
        if not whole:
            return
        pixels, names = images.pixels[whole], [images.names[index] for index in whole]
        self.protocol.segmenter.to(pixels.device)
        if self.protocol.full_label is None:
            self._count(pixels, pairs.label[whole], names)
            return
        for picture, name in zip(pixels, names, strict=True):
            self._count(picture[None], self.protocol.full_label(name)[None].to(pixels.device), [name])

    def _count(self, pixels: Tensor, label: Tensor, names: Sequence[str]) -> None:
        from asap_lightning.models.segmenters.segmenter import resized_pixels

        truth = self.protocol.classes(label)
        size = (truth.shape[-2], truth.shape[-1])
        with refusing(names, size, self.protocol.segmenter.title):
            found = self.protocol.segmenter(resized_pixels(pixels, size), size)
        for counts in count_confusion(truth, found, self.protocol.classes.count).cpu():
            self.images += 1
            if not self.protocol.fcn:
                self.matrix += counts
            elif (scored := fcn_counts(counts)) is None:
                self.dropped += 1
            else:
                self.matrix[:-1, :-1] += scored
                self.matrix[-1] += counts[-1]

    def gather(self) -> None:
        """Adds up what all processes have counted."""
        self.matrix = summed(self.matrix)
        self.images, self.dropped = summed(torch.tensor([self.images, self.dropped])).tolist()

    def scores(self) -> SegmentationScores:
        """What the counts say.

        Raises:
            Unavailable: there is no pixel of a class that is scored.
        """
        scores = SegmentationScores(self.matrix, self.protocol.fcn)
        if not scores.scored_pixels:
            raise Unavailable(
                f"no pixel of a scored class in {self.images} images ({self.protocol.classes.note})"
            )
        return scores
