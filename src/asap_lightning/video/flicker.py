"""How much a video flickers, without any estimate of motion."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class Flicker:
    """Mean absolute change from a frame to the next, over all pixels and over those that had no cause to.

        all    F  = mean over t, p of |y_t(p) - y_{t-1}(p)|
        still  F0 = the same over the pixels p with x_t(p) = x_{t-1}(p)

    y are images in levels from 0 to 255 (the mean over the three channels), x their conditions. In a scene
    that stands still F should be 0. In one that moves F holds the motion too; F0 leaves out the pixels whose
    own condition changed, and needs no optical flow, whose errors would be measured along. Frame by frame,
    so that a video of any length takes two frames of memory.
    """

    def __init__(self) -> None:
        self._before: tuple[NDArray, NDArray | None] | None = None
        self._total = self._still = 0.0
        self._pixels = self._unchanged = 0

    def add(self, image: NDArray[np.uint8], condition: NDArray | None = None) -> None:
        """Takes the next frame.

        Args:
            image: (H, W, 3) uint8.
            condition: (H, W) or (H, W, C), what it was made from; None leaves F0 out.
        """
        if self._before is not None:
            before, condition_before = self._before
            if before.shape != image.shape:
                raise ValueError(f"frames of {before.shape} and {image.shape}: one size was expected")
            change = np.maximum(image, before) - np.minimum(image, before)
            self._total += float(change.sum(dtype=np.int64)) / 3
            self._pixels += image.shape[0] * image.shape[1]
            if condition is not None and condition_before is not None:
                still = condition == condition_before
                if still.ndim == 3:
                    still = still.all(axis=2)
                self._still += float(change[still].sum(dtype=np.int64)) / 3
                self._unchanged += int(still.sum())
        self._before = image, condition

    @property
    def all(self) -> float | None:
        """F in levels; None for less than two frames."""
        return self._total / self._pixels if self._pixels else None

    @property
    def still(self) -> float | None:
        """F0 in levels; None where no pixel's condition stayed the same."""
        return self._still / self._unchanged if self._unchanged else None


def flicker_of(images: Iterable[NDArray[np.uint8]], conditions: Iterable[NDArray] | None = None) -> Flicker:
    """`Flicker` of a whole video."""
    made = Flicker()
    if conditions is None:
        for image in images:
            made.add(image)
    else:
        for image, condition in zip(images, conditions, strict=True):
            made.add(image, condition)
    return made
