"""Fitting the alignment network: an image's own segments are displaced, and it learns to put them back.

Axes: B batch, H height, W width; S side of the windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.data.batch import to_signed
from asap_lightning.models.sims.affine import about, composed, inverted, warped
from asap_lightning.models.sims.alignment import AlignmentNetwork
from asap_lightning.models.sims.planes import one_hot
from asap_lightning.models.sims.window import box_of, in_window, nearest, seen, window_about
from asap_lightning.training.sims.loop import OnStep, PieceSettings, fitted, initialised, stacked


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


@dataclass(frozen=True)
class Displaced:
    """Displaced segments as the network sees them.

    Attributes:
        piece: (B, 4, S, S), see `AlignmentNetwork`.
        region: (B, 1, S, S): where the segment belongs.
        layout: (B, N, S, S).
        photo: (B, 3, S, S): what lies there.
        moved: (B, 2, 3) the displacement, of the window's pixels.
    """

    piece: Tensor
    region: Tensor
    layout: Tensor
    photo: Tensor
    moved: Tensor

    def distance(self, theta: Tensor) -> Tensor:
        """(B,) mean |piece put back by theta - photo| within the region, levels of [-1, 1]."""
        off = (warped(self.piece[:, :3], theta) - self.photo).abs() * self.region
        return off.sum((1, 2, 3)) / (3 * self.region.sum((1, 2, 3)))


@dataclass(frozen=True)
class AlignmentMeasure:
    """What is left of random displacements, means over segments.

    Attributes:
        before, after: |piece - photo| in the region, in levels of 255: as displaced, and put back by the
            network.
        least: by the displacement's own inverse, which leaves what interpolation blurs.
        segments: how many.
    """

    before: float
    after: float
    least: float
    segments: int


def fit_alignment(
    examples: Iterable[AlignmentExample],
    label_channels: int,
    settings: PieceSettings,
    *,
    device: torch.device | str = "cpu",
    on_step: OnStep | None = None,
) -> AlignmentNetwork:
    """A network that moves and scales pieces to their regions (SIMS section 4.1).

    Segments are seen through windows about their places, see `models.sims.window`, so that a displacement by
    a share of the segment's size looks alike whatever that is. The loss is |piece put back - photo|, an L1
    mean over the segments' pixels, in [-1, 1].

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
        shown = displaced(batch, label_channels, settings, random, device)
        return shown.distance(network(shown.piece, shown.region, shown.layout)).mean()

    return fitted(network, loss, examples, settings, rate=lambda epoch: settings.rate, on_step=on_step)


@torch.no_grad()
def measure_alignment(
    network: AlignmentNetwork, examples: Iterable[AlignmentExample], settings: PieceSettings, count: int
) -> AlignmentMeasure:
    """How much of random displacements a network undoes, of the first ``count`` examples.

    Args:
        network: fitted.
        examples: of images that it was not fitted to.
        settings: which displacements, see `displacements`.
        count: segments at most.
    """
    random = torch.Generator().manual_seed(settings.seed + 1)
    device = next(network.parameters()).device
    sums, taken = np.zeros(3), 0
    for example in islice(examples, count):
        shown = displaced([example], network.label_channels, settings, random, device)
        maps = (
            torch.eye(2, 3, device=device)[None],
            network(shown.piece, shown.region, shown.layout),
            inverted(shown.moved),
        )
        sums += [float(shown.distance(theta)) * 127.5 for theta in maps]
        taken += 1
    before, after, least = (float(value) for value in sums / max(taken, 1))
    return AlignmentMeasure(before, after, least, taken)


def displaced(
    batch: Sequence[AlignmentExample],
    label_channels: int,
    settings: PieceSettings,
    random: torch.Generator,
    device: torch.device | str,
) -> Displaced:
    """Segments, displaced as drawn, through windows of their own places."""
    photo = to_signed(stacked([one.photo for one in batch], device))
    mask = stacked([one.mask for one in batch], device).float().unsqueeze(1)
    label = stacked([np.asarray(one.label, np.float32) for one in batch], device).unsqueeze(1)
    boxes = torch.stack([box_of(one[0]) for one in mask])
    window = window_about(boxes, settings.side, *mask.shape[-2:])
    theta = displacements(boxes, settings, random, mask.shape[-2:])
    cut = torch.cat([photo * mask, mask], dim=1)
    return Displaced(
        seen(cut, composed(theta, window), settings.side),
        (seen(mask, window, settings.side) >= 0.5).float(),
        one_hot(nearest(label, window, settings.side), label_channels),
        seen(photo, window, settings.side),
        in_window(theta, window),
    )


def displacements(
    boxes: Tensor, settings: PieceSettings, random: torch.Generator, size: Sequence[int]
) -> Tensor:
    """Maps (B, 2, 3) that scale and shift segments, as drawn, about the middle of their boxes (B, 4)."""
    sizes, centres = boxes[:, 2:] - boxes[:, :2] + 1, (boxes[:, 2:] + boxes[:, :2]) / 2
    low, high = settings.scale
    drawn = torch.rand(len(boxes), 3, generator=random).to(boxes.device)
    scale = low + (high - low) * drawn[:, 0]
    shift = settings.shift * (2 * drawn[:, 1:] - 1) * sizes
    return about(centres, 1 / scale, shift, size[0], size[1])
