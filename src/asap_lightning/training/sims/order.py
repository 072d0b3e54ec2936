"""Fitting the order network: which of two segments that touch lies in front, by the scene's depth.

Axes: B batch, H height, W width.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.models.sims.order import OrderNetwork, coloured
from asap_lightning.training.sims.loop import OnStep, PieceSettings, fitted, initialised, stacked

GROUND = ("road", "sidewalk", "terrain")
"""Cityscapes' classes that lie behind whatever stands on them, however near they are."""
START, GROWTH = 0.1, 1.1
"""The first epoch's rate over the highest, and its growth: min(1e-6 * 1.1 ^ epoch, 1e-5) in the paper."""


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


def fit_order(
    examples: Iterable[OrderExample],
    colours: NDArray,
    settings: PieceSettings,
    *,
    device: torch.device | str = "cpu",
    on_step: OnStep | None = None,
) -> OrderNetwork:
    """A network that says which class lies in front, by cross-entropy (SIMS section 4.2).

    Args:
        examples: pairs of segments, gone through again and again.
        colours: (N, 3) levels of 0 to 255, one of each label channel.
        settings: the paper's are 100 passes, batch 1; the rate grows from a tenth of ``rate`` up to it.
        device: where to.
        on_step: see `OnStep`.

    Raises:
        UserError: no examples, or some of different sizes in one batch.
    """
    table = torch.from_numpy(np.asarray(colours, np.float32)).to(device)
    network = initialised(lambda: OrderNetwork(len(table), width=settings.width), settings.seed, device)

    def loss(batch: Sequence[OrderExample]) -> Tensor:
        truth = torch.tensor([one.front for one in batch], device=device)
        return F.cross_entropy(network(*pictures_of(batch, table)), truth)

    def rate(epoch: int) -> float:
        return settings.rate * min(START * GROWTH ** min(epoch, 1000), 1.0)

    return fitted(network, loss, examples, settings, rate=rate, on_step=on_step)


def pictures_of(batch: Sequence[OrderExample], colours: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the network is called with: first and second segments, layouts, (B, 3, H, W) each."""
    device = colours.device
    made = []
    for place, name in enumerate(("first", "second")):
        mask = stacked([getattr(one, name) for one in batch], device).float().unsqueeze(1)
        ids = torch.tensor([one.classes[place] for one in batch], device=device)
        made.append(coloured(ids[:, None, None].expand(-1, *mask.shape[2:]), colours, mask))
    label = stacked([np.asarray(one.label, np.int64) for one in batch], device)
    return made[0], made[1], coloured(label, colours)
