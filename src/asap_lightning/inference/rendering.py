"""The image of a large condition, as whole numbers, strip after strip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.models import AsapGenerator
from asap_lightning.models.asap.stripwise import Tick
from asap_lightning.models.asap.stripwise_generator import MEMORY, ConditionRows, StripwiseAsap, whole_bytes

AT_ONCE = 1 << 30
"""Bytes up to which an image in memory is translated at once, which is a little faster for small ones."""


def goes_by_strips(generator: object, height: int, width: int) -> bool:
    """Whether an image in memory is translated by strips, with the same result and less memory."""
    return isinstance(generator, AsapGenerator) and whole_bytes(generator, height, width) > AT_ONCE


def held_bytes(height: int, width: int) -> int:
    """Bytes for features where the image itself is in memory: in proportion to it, to need no file."""
    return max(MEMORY, 20 * height * width)


def rendered(
    generator: AsapGenerator,
    rows: ConditionRows,
    size: tuple[int, int],
    *,
    memory: int = MEMORY,
    folder: Path | None = None,
    tick: Tick = lambda share: None,
) -> Iterator[NDArray[np.uint8]]:
    """Strips (h, W, 3) of the image from top to bottom.

    Args:
        generator: the model.
        rows: the condition, extended to whole tiles.
        size: height and width of the image, without the extension.
        memory, folder, tick: as of `StripwiseAsap`.
    """
    height, width = size
    top = 0
    for blocks in StripwiseAsap(generator, rows, memory=memory, folder=folder).image(tick):
        count = min(blocks[0].shape[2], height - top)
        if count <= 0:
            continue  # nothing but extension
        strip = np.empty((count, width, 3), np.uint8)
        left = 0
        for block in blocks:
            columns = min(block.shape[3], width - left)
            if columns > 0:
                strip[:, left : left + columns] = _levels(block[0, :, :count, :columns])
            left += block.shape[3]
        top += count
        yield strip


@torch.inference_mode()
def _levels(image: Tensor) -> NDArray[np.uint8]:
    """As `to_uint8`, in place: (3, h, w) in [-1, 1] -> (h, w, 3)."""
    levels = image.float().clamp_(-1, 1).add_(1).mul_(127.5).round_()
    return levels.permute(1, 2, 0).cpu().numpy().astype(np.uint8)
