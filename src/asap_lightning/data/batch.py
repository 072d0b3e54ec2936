"""A batch of pairs as tensors.

Axes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.condition import Condition
from asap_lightning.data.sample import Sample
from asap_lightning.errors import UserError


@dataclass
class Batch:
    """What loaders yield.

    Attributes:
        condition: label maps (B, H, W) uint8 or int32, or images (B, C, H, W) in [-1, 1]; instance maps
            (B, H, W) int32 if the data set has them, canvases (B, 4, H, W) if a memory bank made them.
        photo: (B, 3, H, W) float32 in [-1, 1]; None where a split has conditions alone.
        names: one a pair, unique in the split, usable as file stems.
        valid: height and width of each pair's real content, anchored top left; the rest is padding.
        own_exemplar: (B,) bool: whose exemplar (`Condition.guide`) is the own photo, distorted; None where
            there are no exemplars.
    """

    condition: Condition
    photo: Tensor | None
    names: list[str]
    valid: list[tuple[int, int]]
    own_exemplar: Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)

    def require_photo(self) -> Tensor:
        """The photos; an error if the split has conditions alone."""
        if self.photo is None:
            raise UserError(
                f"'{self.names[0]}' has no photo, but training needs pairs: choose a split or folder with "
                "photos"
            )
        return self.photo

    @property
    def main_condition(self) -> Tensor:
        """The label map or the image of the condition."""
        label = self.condition.label
        main = label if label is not None else self.condition.image
        assert main is not None
        return main

    def to(self, *args: Any, **kwargs: Any) -> Batch:
        """As `Tensor.to`, for a device."""
        photo = None if self.photo is None else self.photo.to(*args, **kwargs)
        own = None if self.own_exemplar is None else self.own_exemplar.to(*args, **kwargs)
        return replace(self, condition=self.condition.to(*args, **kwargs), photo=photo, own_exemplar=own)

    def pin_memory(self) -> Batch:
        """A copy in page-locked memory."""
        photo = None if self.photo is None else self.photo.pin_memory()
        own = None if self.own_exemplar is None else self.own_exemplar.pin_memory()
        return replace(self, condition=self.condition.pin_memory(), photo=photo, own_exemplar=own)


def collate(samples: Sequence[Sample]) -> Batch:
    """Stacks samples of equal size.

    Raises:
        UserError: the samples differ in size, or only some of them have a photo.
    """
    _require_alike(samples)
    image = _stack(samples, "image")
    depth = _stack(samples, "depth")
    if image is not None:
        image = to_signed(image)
    elif depth is not None:
        image = depth.unsqueeze(1)
    photo = _stack(samples, "photo")
    canvas = _stack(samples, "canvas")
    exemplars = [sample.exemplar for sample in samples if sample.exemplar is not None]
    lent = collate(exemplars) if exemplars else None
    condition = Condition(
        label=_stack(samples, "label"),
        image=image,
        instance=_stack(samples, "instance"),
        guide=None if lent is None else lent.require_photo(),
        guide_condition=None if lent is None else lent.main_condition,
        canvas=None if canvas is None else canvas_planes(canvas),
    )
    own = [sample.exemplar is not None and sample.exemplar.name == sample.name for sample in samples]
    return Batch(
        condition=condition,
        photo=None if photo is None else to_signed(photo),
        names=[sample.name for sample in samples],
        valid=[sample.valid or sample.size for sample in samples],
        own_exemplar=None if lent is None else torch.tensor(own),
    )


def to_signed(pictures: Tensor) -> Tensor:
    """(B, H, W, C) uint8 as (B, C, H, W) float32 in [-1, 1]: x / 127.5 - 1."""
    floats = pictures.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    return floats.div_(127.5).sub_(1.0)


def canvas_planes(canvases: Tensor) -> Tensor:
    """(B, H, W, 4) uint8 as `Condition.canvas` (B, 4, H, W): x / 127.5 - 1 where filled, else 0."""
    filled = (canvases[..., 3:] > 0).permute(0, 3, 1, 2).float()
    return torch.cat([to_signed(canvases[..., :3]) * filled, filled], dim=1)


def _stack(samples: Sequence[Sample], name: str) -> Tensor | None:
    arrays: list[NDArray] = [getattr(sample, name) for sample in samples]
    return None if arrays[0] is None else torch.from_numpy(np.stack(arrays))


def _require_alike(samples: Sequence[Sample]) -> None:
    first = samples[0]
    for sample in samples[1:]:
        if sample.size != first.size:
            raise UserError(
                f"'{first.name}' and '{sample.name}' cannot be in one batch: they are {first.size[1]} x "
                f"{first.size[0]} and "
                f"{sample.size[1]} x {sample.size[0]} (width x height). Use data.batch_size=1 (for "
                "evaluation: "
                "data.eval_batch_size=1), or a data.mode that gives every pair the same size (fixed, "
                "resize_and_crop)"
            )
        if sample.arrays.keys() != first.arrays.keys():
            raise UserError(
                f"'{first.name}' has {', '.join(first.arrays)}, but '{sample.name}' has "
                f"{', '.join(sample.arrays)}: "
                "all pairs of a split must have the same parts"
            )
