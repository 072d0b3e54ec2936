"""Counting which class was found where which one should be: integers, nothing else.

Axes: B batch, H height, W width, K classes that are scored.
"""

from __future__ import annotations

import torch
from torch import Tensor


def count_confusion(truth: Tensor, found: Tensor, classes: int) -> Tensor:
    """Pixels by (true class, found class), for each image.

    Args:
        truth: (B, H, W) int64, a class or a negative number for what is not scored.
        found: (B, H, W) int64, a class; from ``classes`` on: none of those that are scored.
        classes: K.

    Returns:
        (B, K + 1, K + 1) int64. The last row holds the pixels that are not scored, the last column those
        where no scored class was found.

    Raises:
        ValueError: shapes differ, or a found class is negative.
    """
    if truth.shape != found.shape or truth.dim() != 3:
        raise ValueError(f"truth is {tuple(truth.shape)}, found is {tuple(found.shape)}")
    if found.numel() and int(found.min()) < 0:
        raise ValueError(f"a segmenter has found the class {int(found.min())}")
    side = classes + 1
    rows = torch.where(truth < 0, classes, truth)
    columns = found.clamp(max=classes)
    image = torch.arange(len(truth), device=truth.device).view(-1, 1, 1)
    places = (image * side + rows) * side + columns
    return torch.bincount(places.flatten(), minlength=len(truth) * side * side).view(-1, side, side)


def fcn_counts(counts: Tensor) -> Tensor | None:
    """One image's counts as pix2pix's FCN score takes them: (K + 1, K + 1) -> (K, K); None: it is dropped.

    Its program counts pixels in bins K * truth + found, for found classes 0..K. So K, 'none of the classes',
    falls into the next true class's bin for class 0; for the last class there is no such bin, and the image
    drops out of the sum.
    """
    scored = counts[:-1, :-1].clone()
    none_found = counts[:-1, -1]
    if int(none_found[-1]):
        return None
    scored[1:, 0] += none_found[:-1]
    return scored
