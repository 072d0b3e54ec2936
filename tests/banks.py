"""Drawn layouts, photos, and their classes, for tests of memory banks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec

SPEC = ConditionSpec("label", num_classes=4, has_unknown=True, class_names=("sky", "wall", "door", "car"))
FRAME = (48, 64)


def draw_label(seed: int, frame: tuple[int, int] = FRAME, rectangles: int = 6) -> NDArray[np.uint8]:
    """Rectangles of the classes 1 and 2 on class 0, with some unknown; class 3 never occurs."""
    random = np.random.default_rng(seed)
    label = np.zeros(frame, np.uint8)
    for _ in range(rectangles):
        top, left = random.integers(0, frame[0] - 8), random.integers(0, frame[1] - 8)
        down, across = random.integers(4, 20, 2)
        label[top : top + down, left : left + across] = random.choice([1, 2, 4])
    return label


def draw_photo(seed: int, frame: tuple[int, int] = FRAME) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*frame, 3), dtype=np.uint8)
