"""Pieces laid on a canvas, one after another, and the layout that they make.

Axes: H, W of the canvas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.segments.names import CITYSCAPES_ORDER, ids_present, is_cityscapes
from asap_lightning.segments.pieces import Piece
from asap_lightning.segments.regions import Region

Front = Callable[[Piece, Piece, NDArray], bool]
"""What an order network is called with: two pieces that overlap, the second one laid later, and the layout.

It returns whether the first one lies in front all the same."""
NONE = -1


@dataclass(frozen=True)
class Laid:
    """Pieces on a canvas.

    Attributes:
        colours: (H, W, 3) uint8; black where there is no piece.
        owner: (H, W) int32, the number of the piece that is seen, in the order of laying; `NONE` for none.
        classes: of the pieces, by that number.
    """

    colours: NDArray[np.uint8]
    owner: NDArray[np.int32]
    classes: tuple[int, ...]

    @property
    def filled(self) -> NDArray[np.bool_]:
        """(H, W) where there is a piece."""
        return self.owner != NONE

    def class_map(self) -> NDArray[np.int64]:
        """(H, W) the class of the piece that is seen; -1 for none."""
        return np.array([*self.classes, -1])[self.owner]

    def rewritten(self, label: NDArray) -> NDArray:
        """The layout with the classes of the pieces where they are seen."""
        return np.where(self.filled, self.class_map(), label).astype(label.dtype)


def in_order(regions: Sequence[Region], spec: ConditionSpec) -> list[Region]:
    """Regions in the order in which their pieces are laid, the last in front.

    By SIMS's order of classes where they are Cityscapes' (others before them); of one class, and everywhere
    else, the larger first.
    """
    order = ids_present(spec, CITYSCAPES_ORDER) if is_cityscapes(spec) else ()
    place = {class_id: number for number, class_id in enumerate(order)}
    return sorted(regions, key=lambda one: (place.get(one.class_id, NONE), -one.area))


def lay(
    pieces: Iterable[Piece], size: tuple[int, int], *, label: NDArray, front: Front | None = None
) -> Laid:
    """Lays pieces one over the other.

    Args:
        pieces: in their order; only where there is ``front`` are they kept.
        size: height and width.
        label: (H, W) the layout, for ``front``.
        front: settles overlaps otherwise.
    """
    colours = np.zeros((*size, 3), np.uint8)
    owner = np.full(size, NONE, np.int32)
    classes: list[int] = []
    kept: list[Piece] = []
    for number, piece in enumerate(pieces):
        under, mask = owner[piece.window], piece.mask
        if front is not None:
            mask = mask.copy()
            for other in np.unique(under[mask]):
                if other != NONE and front(kept[other], piece, label):
                    mask &= under != other
            kept.append(piece)
        under[mask] = number
        colours[piece.window][mask] = piece.colours[mask]
        classes.append(piece.region.class_id)
    return Laid(colours, owner, tuple(classes))
