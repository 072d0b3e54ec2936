"""Fitting the order network: which of two segments that touch lies in front.

Axes: B batch, H height, W width.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.composing.hooks import pictures_of, window_on
from asap_lightning.models.sims.order import OrderNetwork
from asap_lightning.segments.pieces import Piece
from asap_lightning.segments.regions import region_of_mask
from asap_lightning.training.sims.loop import OnStep, PieceSettings, fitted, initialised

GROUND = ("road", "sidewalk", "terrain")
"""Cityscapes' classes that lie behind whatever stands on them, however near they are."""
GROWTH = 1.1
"""Of the rate from one epoch to the next: min(1e-6 * 1.1 ^ epoch, 1e-5) in the paper."""


@dataclass(frozen=True)
class OrderExample:
    """Two segments of an image, of different classes.

    Attributes:
        label: (H, W) class ids, the layout.
        first, second: (H, W) bool, the segments.
        classes: theirs.
        front: the class of the one in front.
    """

    label: NDArray
    first: NDArray[np.bool_]
    second: NDArray[np.bool_]
    classes: tuple[int, int]
    front: int

    def __post_init__(self) -> None:
        if self.classes[0] == self.classes[1] or self.front not in self.classes:
            raise ValueError(f"two classes and one of them were expected, got {self.classes}, {self.front}")
        if not self.label.shape == self.first.shape == self.second.shape:
            raise ValueError("layout and segments differ in size")


def in_front(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    disparity: NDArray[np.floating],
    classes: tuple[int, int],
    *,
    ground: Collection[int] = (),
    reach: int = 5,
) -> int | None:
    """The class in front: the one of the larger median disparity near the common border.

    Args:
        first, second: (H, W) segments.
        disparity: (H, W), larger where nearer; not finite where it is not known. Depths are negated.
        classes: of the segments.
        ground: classes that always lie behind others, see `GROUND`.
        reach: pixels from the other segment that count as near.

    Returns:
        None where the segments do not come as near, nothing is known there, or both are equally near.
    """
    grounded = [class_id in ground for class_id in classes]
    near = [first & _widened(second, reach), second & _widened(first, reach)]
    if not near[0].any() or not near[1].any():
        return None
    if grounded[0] != grounded[1]:
        return classes[grounded[0]]
    known = [disparity[mask & np.isfinite(disparity)] for mask in near]
    if not known[0].size or not known[1].size:
        return None
    one, other = (float(np.median(values)) for values in known)
    return None if one == other else classes[0] if one > other else classes[1]


def _widened(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """All within ``reach`` pixels of a mask, along rows and columns."""
    planes = torch.from_numpy(mask).float()[None, None]
    wide = F.max_pool2d(planes, 2 * reach + 1, stride=1, padding=reach)
    return np.asarray(wide[0, 0].numpy() > 0)


@dataclass(frozen=True)
class OrderMeasure:
    """How often an order is right, of pairs of segments.

    Attributes:
        right: share of the pairs whose front the network names.
        larger_first: share that has the smaller segment in front, which is how pieces lie without a network
            where classes have no order.
        pairs: how many.
    """

    right: float
    larger_first: float
    pairs: int


def fit_order(
    examples: Iterable[OrderExample],
    colours: NDArray,
    settings: PieceSettings,
    *,
    device: torch.device | str = "cpu",
    on_step: OnStep | None = None,
) -> OrderNetwork:
    """A network that says which class lies in front, by cross-entropy (SIMS section 4.2).

    Of the scores of both classes, which are what is compared later; over all classes, as we read the paper,
    the network learns for long which two it is shown.

    Args:
        examples: pairs of segments, gone through again and again.
        colours: (N, 3) levels of 0 to 255, one of each label channel.
        settings: the paper's are 100 passes, batch 1; the rate grows from its ``start`` up to ``rate``.
        device: where to.
        on_step: see `OnStep`.

    Raises:
        UserError: no examples, or some of different sizes in one batch.
    """
    table = torch.from_numpy(np.asarray(colours, np.float32)).to(device)
    network = initialised(lambda: OrderNetwork(len(table), width=settings.width), settings.seed, device)

    def loss(batch: Sequence[OrderExample]) -> Tensor:
        classes = torch.tensor([one.classes for one in batch], device=device)
        truth = torch.tensor([one.classes.index(one.front) for one in batch], device=device)
        scores = network(*shown(batch, table, settings.side)).gather(1, classes)
        return F.cross_entropy(scores, truth)

    def rate(epoch: int) -> float:
        return settings.rate * min(settings.start * GROWTH ** min(epoch, 1000), 1.0)

    return fitted(network, loss, examples, settings, rate=rate, on_step=on_step)


@torch.no_grad()
def measure_order(
    network: OrderNetwork,
    examples: Iterable[OrderExample],
    colours: NDArray,
    side: int,
    count: int,
) -> OrderMeasure:
    """How often a network is right, of the first ``count`` examples: of images it was not fitted to."""
    device = next(network.parameters()).device
    table = torch.from_numpy(np.asarray(colours, np.float32)).to(device)
    right, larger, pairs = 0, 0, 0
    for example in islice(examples, count):
        ids = [torch.tensor([class_id], device=device) for class_id in example.classes]
        said = bool(network.first_in_front(*shown([example], table, side), (ids[0], ids[1]))[0])
        truth = example.front == example.classes[0]
        right += said == truth
        larger += (np.count_nonzero(example.first) < np.count_nonzero(example.second)) == truth
        pairs += 1
    return OrderMeasure(right / max(pairs, 1), larger / max(pairs, 1), pairs)


def shown(batch: Sequence[OrderExample], colours: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """What the network is called with: first and second segments, layouts, (B, 3, S, S) each."""
    windows = []
    for one in batch:
        pieces = [
            _piece(mask, class_id)
            for mask, class_id in zip((one.first, one.second), one.classes, strict=True)
        ]
        windows.append(window_on(pieces[0], pieces[1], one.label, side))
    return pictures_of(windows, colours)


def _piece(mask: NDArray[np.bool_], class_id: int) -> Piece:
    region = region_of_mask(class_id, mask, (0, 0), (mask.shape[0], mask.shape[1]))
    if region is None:
        raise ValueError("a segment has no pixel")
    return Piece(region, region.box[:2], region.mask, np.zeros((*region.mask.shape, 3), np.uint8))
