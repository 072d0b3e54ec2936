"""Fitting the alignment network: an image's own segments are displaced, and it learns to put them back.

Axes: B batch, H height, W width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.data.batch import to_signed
from asap_lightning.models.sims.affine import about, warped
from asap_lightning.models.sims.alignment import AlignmentNetwork
from asap_lightning.training.sims.loop import OnStep, PieceSettings, fitted, initialised, one_hot, stacked


@dataclass(frozen=True)
class AlignmentExample:
    """A segment in its image.

    Attributes:
        photo: (H, W, 3) uint8.
        label: (H, W) class ids, the layout.
        mask: (H, W) bool, the segment; not empty.
    """

    photo: NDArray[np.uint8]
    label: NDArray
    mask: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.photo.shape != (*self.mask.shape, 3) or self.label.shape != self.mask.shape:
            raise ValueError(
                f"photo {self.photo.shape}, label {self.label.shape}, mask {self.mask.shape} differ in size"
            )
        if not self.mask.any():
            raise ValueError("the segment has no pixel")


def fit_alignment(
    examples: Iterable[AlignmentExample],
    label_channels: int,
    settings: PieceSettings,
    *,
    device: torch.device | str = "cpu",
    on_step: OnStep | None = None,
) -> AlignmentNetwork:
    """A network that moves and scales pieces to their regions (SIMS section 4.1).

    The loss is |piece put back - photo|, an L1 mean over the segments' pixels, in [-1, 1].

    Args:
        examples: segments of training images, gone through again and again.
        label_channels: of the layouts.
        settings: the paper's are 100 passes, batch 1, rate 1e-5, scale 0.9 to 1.1, shift 1/32.
        device: where to.
        on_step: see `OnStep`.

    Raises:
        UserError: no examples, or some of different sizes in one batch.
    """
    network = initialised(
        lambda: AlignmentNetwork(label_channels, width=settings.width), settings.seed, device
    )
    random = torch.Generator().manual_seed(settings.seed)

    def loss(batch: Sequence[AlignmentExample]) -> Tensor:
        photo, mask, layout = planes_of(batch, label_channels, device)
        theta = displacements(mask, settings, random)
        displaced = warped(photo * mask, theta)
        restored = warped(displaced, network(displaced, mask, layout))
        return ((restored - photo).abs() * mask).sum() / (3 * mask.sum())

    return fitted(network, loss, examples, settings, rate=lambda epoch: settings.rate, on_step=on_step)


def planes_of(
    batch: Sequence[AlignmentExample], label_channels: int, device: torch.device | str
) -> tuple[Tensor, Tensor, Tensor]:
    """Photos (B, 3, H, W) in [-1, 1], masks (B, 1, H, W) in {0, 1} and layouts (B, N, H, W), one-hot."""
    photo = to_signed(stacked([one.photo for one in batch], device))
    mask = stacked([one.mask for one in batch], device).float().unsqueeze(1)
    label = stacked([np.asarray(one.label, np.int64) for one in batch], device)
    return photo, mask, one_hot(label, label_channels)


def displacements(masks: Tensor, settings: PieceSettings, random: torch.Generator) -> Tensor:
    """Maps (B, 2, 3) that scale and shift segments, as drawn, about the middle of their boxes."""
    boxes = torch.stack([_box(mask[0]) for mask in masks]).to(masks.device)
    sizes, centres = boxes[:, 2:] - boxes[:, :2] + 1, (boxes[:, 2:] + boxes[:, :2]) / 2
    low, high = settings.scale
    drawn = torch.rand(len(masks), 3, generator=random).to(masks.device)
    scale = low + (high - low) * drawn[:, 0]
    shift = settings.shift * (2 * drawn[:, 1:] - 1) * sizes
    return about(centres, 1 / scale, shift, *masks.shape[-2:])


def _box(mask: Tensor) -> Tensor:
    """First column and row, last column and row of a mask (H, W), as floats."""
    rows, columns = mask.amax(1).nonzero()[:, 0], mask.amax(0).nonzero()[:, 0]
    return torch.stack([columns[0], rows[0], columns[-1], rows[-1]]).float()
