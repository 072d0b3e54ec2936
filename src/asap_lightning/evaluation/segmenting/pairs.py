"""Real photos and their labels in memory, as bytes, for fitting a segmenter."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asap_lightning.data import PairedData
from asap_lightning.data.sample_pictures import spread
from asap_lightning.data.transforms import PairedTransform
from asap_lightning.errors import UserError

MOST_BYTES = 2**30
"""Memory that the pairs may take together; what comes after them is not used."""


@dataclass(frozen=True)
class RealPairs:
    """Some training pairs of a data set, at the size of its evaluation.

    Attributes:
        photos: (3, H, W) uint8 each.
        labels: (H, W) uint8 or int32 each.
        digest: hash of all of these and of the number of classes: the same pairs out of shards have the same.
    """

    photos: list[Tensor]
    labels: list[Tensor]
    digest: str

    def __len__(self) -> int:
        return len(self.photos)


def read_pairs(data: PairedData, most: int, on_read: Callable[[int, int], None] | None = None) -> RealPairs:
    """Training pairs as an evaluation sees them: not augmented.

    Args:
        data: the data set; its conditions are label maps.
        most: pairs at most, evenly over the split.
        on_read: called with the number of pairs that were read, and of all.

    Raises:
        UserError: no label maps, no photos, or a bad file.
    """
    if data.spec.kind != "label":
        raise UserError(
            "segmenter=train learns to find label maps in photos, and the conditions are of the kind "
            f"'{data.spec.kind}': choose segmenter=none"
        )
    data.prepare_data()
    listed = data.items("train")
    items = [listed[index] for index in sorted(spread(most, len(listed)))]
    transform = PairedTransform(data.eval_geometry)
    photos: list[Tensor] = []
    labels: list[Tensor] = []
    taken = 0
    digest = hashlib.sha256(str(data.spec.num_classes).encode())
    for number, item in enumerate(items, start=1):
        sample = transform(data.layout.read(item), seed=(0, 0, 0))
        if sample.photo is None or sample.label is None:
            raise UserError(f"'{item.name}' has no photo: segmenter=train learns from real photos")
        photo, label = np.ascontiguousarray(sample.photo.transpose(2, 0, 1)), np.array(sample.label)
        taken += photo.nbytes + label.nbytes
        if taken > MOST_BYTES and photos:
            break
        for array in (photo, label):
            digest.update(f"{array.shape} {array.dtype}".encode())
            digest.update(array.tobytes())
        photos.append(torch.from_numpy(photo))
        labels.append(torch.from_numpy(label))
        if on_read is not None:
            on_read(number, len(items))
    return RealPairs(photos, labels, digest.hexdigest())
