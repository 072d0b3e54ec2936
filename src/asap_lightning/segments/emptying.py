"""What of a canvas is left to the network: bands at borders, and places that pieces show wrongly.

Pixels are emptied: they become white, and count as not filled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.segments.laying import NONE, Laid
from asap_lightning.segments.names import (
    CITYSCAPES_OBJECTS,
    CITYSCAPES_TREES,
    CITYSCAPES_VEHICLES,
    ids_present,
    is_cityscapes,
)
from asap_lightning.segments.opencv import cv2
from asap_lightning.segments.regions import Mask

WHITE = 255


def border_band(owner: NDArray[np.int32], width: int) -> Mask:
    """(H, W) pixels of pieces within ``width`` pixels of another owner or of none.

    The canvas's own edge is no border. A pixel next to another owner lies at distance 1 (Euclidean, by
    OpenCV's 5 x 5 mask).
    """
    filled = owner != NONE
    if width < 1:
        return np.zeros_like(filled)
    inner = np.ones(owner.shape, np.uint8)
    across, down = owner[:, 1:] != owner[:, :-1], owner[1:] != owner[:-1]
    inner[:, 1:][across], inner[:, :-1][across] = 0, 0
    inner[1:][down], inner[:-1][down] = 0, 0
    if inner.all():
        return np.zeros_like(filled)
    distance = cv2.distanceTransform(inner, cv2.DIST_L2, 5) + 1.0
    return (distance <= width) & filled


def below(mask: Mask, width: int) -> Mask:
    """(H, W) the pixels outside a mask that lie at most ``width`` rows below one of it."""
    kernel = np.ones((2 * width + 1, 1), np.uint8)
    kernel[width + 1 :] = 0  # looks upwards alone
    return (cv2.dilate(mask.astype(np.uint8), kernel) > 0) & ~mask


def feet(mask: Mask, width: int) -> Mask:
    """(H, W) the pixels of a mask that lie at most ``width`` rows above one outside; the edge is not."""
    kernel = np.ones((2 * width + 1, 1), np.uint8)
    kernel[:width] = 0  # looks downwards alone
    return (cv2.dilate((~mask).astype(np.uint8), kernel) > 0) & mask


def cleared(laid: Laid, spec: ConditionSpec, width: int) -> Mask:
    """(H, W) what is emptied wholly, by the classes' names: bands at trees, below vehicles, at objects' feet.

    Nothing where the classes are not Cityscapes'.
    """
    nothing = np.zeros(laid.owner.shape, np.bool_)
    if width < 1 or not is_cityscapes(spec):
        return nothing
    classes = laid.class_map()
    trees, vehicles, objects = (
        np.isin(classes, ids_present(spec, names))
        for names in (CITYSCAPES_TREES, CITYSCAPES_VEHICLES, CITYSCAPES_OBJECTS)
    )
    at_trees = border_band(trees.astype(np.int32), width)
    return (at_trees | below(vehicles, width) | feet(objects, width)) & laid.filled


def canvas_of(laid: Laid, emptied: Sequence[Mask]) -> NDArray[np.uint8]:
    """(H, W, 4) uint8 as `Sample.canvas` has it: colours, and 255 where filled; white and 0 elsewhere."""
    filled = laid.filled
    for mask in emptied:
        filled = filled & ~mask
    canvas = np.full((*filled.shape, 4), WHITE, np.uint8)
    canvas[..., :3][filled] = laid.colours[filled]
    canvas[..., 3] = np.where(filled, 255, 0)
    return canvas


def some_of(mask: Mask, share: float, random: np.random.Generator) -> Mask:
    """(H, W) every pixel of a mask with the probability ``share``."""
    return mask & (random.random(mask.shape, np.float32) < share)
