"""Training canvases: an image's own segments, spoiled as retrieved ones are (SIMS, section 5).

Every segment is cut by the best of some masks drawn from the bank, some take the colours of another one, and
pixels at the borders are emptied, so that the network learns to mend what retrieval does to a canvas.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from asap_lightning.segments.bank import Bank
from asap_lightning.segments.descriptors import shape, shape_iou
from asap_lightning.segments.opencv import cv2
from asap_lightning.segments.pieces import Piece
from asap_lightning.segments.regions import Mask, Region

SAMPLED = 2048
"""Pixels of a segment whose colours are measured at most."""
LEAST_SPREAD = 1e-3


def own_piece(
    region: Region,
    photo: NDArray[np.uint8],
    bank: Bank,
    random: np.random.Generator,
    *,
    masks: int,
    recoloured: float,
    exclude: Collection[int] = (),
) -> Piece | None:
    """A region of an image as a piece of its own canvas.

    Args:
        region: of the image's layout.
        photo: (H, W, 3).
        bank: whose masks of the class are drawn.
        random: draws them.
        masks: how many.
        recoloured: probability that the piece takes another segment's colours.
        exclude: numbers of images whose segments are not drawn.

    Returns:
        None where the bank has no other segment of the class, or the best mask leaves nothing.
    """
    drawn = draw(bank, region.class_id, masks, random, exclude)
    takes_colours = random.random() < recoloured
    if not len(drawn):
        return None
    fits = shape_iou(shape(region.mask), bank.table["shape"][drawn])
    mask = region.mask & resized_mask(bank.mask(int(drawn[np.argmax(fits)])), region.mask.shape)
    if not mask.any():
        return None
    colours = photo[region.window]
    if takes_colours:
        colours = recolour(colours, mask, bank.pixels(int(drawn[random.integers(len(drawn))])))
    return Piece(region, region.box[:2], mask, colours)


def draw(
    bank: Bank, class_id: int, count: int, random: np.random.Generator, exclude: Collection[int]
) -> NDArray[np.int64]:
    """Numbers of segments of a class, with repetition, without those of excluded images."""
    numbers = bank.of_class(class_id)
    if not len(numbers):
        return np.zeros(0, np.int64)
    drawn = random.integers(numbers.start, numbers.stop, count)
    if not exclude:
        return drawn
    return drawn[~np.isin(bank.table["image"][drawn], list(exclude))]


def resized_mask(mask: Mask, size: tuple[int, ...]) -> Mask:
    """A mask at another size: nearest neighbour at pixel centres."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.int64)
        for new, old in zip(size, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def recolour(colours: NDArray[np.uint8], mask: Mask, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours (h, w, 3) with the mean and spread, channel by channel in CIE Lab, of other pixels (N, 3).

    x' = (x - mean) * (spread' / spread) + mean' (Reinhard et al., "Color Transfer between Images", 2001),
    measured within the mask.
    """
    lab = _lab(colours)
    mine, theirs = lab[mask], _lab(pixels[:: -(-len(pixels) // SAMPLED)][None])[0]
    scale = theirs.std(0) / np.maximum(mine.std(0), LEAST_SPREAD)
    changed = (lab - mine.mean(0)) * np.minimum(scale, 4.0) + theirs.mean(0)
    rgb = cv2.cvtColor(changed.astype(np.float32), cv2.COLOR_LAB2RGB)
    return np.clip(np.rint(rgb * 255), 0, 255).astype(np.uint8)


def _lab(colours: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor((colours / np.float32(255)).astype(np.float32), cv2.COLOR_RGB2LAB))
