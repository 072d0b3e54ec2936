"""The Frechet distance of two images' features, one vector a position.

Axes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.metrics.features.sums import Moments, frechet_distance


def position_distance(generated: Tensor, photo: Tensor) -> Tensor:
    """The distance of every pair.

    Args:
        generated: (B, C, H, W), at least two positions.
        photo: likewise.

    Returns:
        (B,).
    """
    return torch.tensor([_one(g, p) for g, p in zip(generated, photo, strict=True)])


def _one(generated: Tensor, photo: Tensor) -> float:
    moments: list[Tensor] = []
    for features in (generated, photo):
        gathered = Moments(len(features))
        gathered.add(features.flatten(1).T)
        moments += gathered.mean_and_covariance()
    return frechet_distance(*moments)
