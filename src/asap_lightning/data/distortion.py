"""A pair distorted into an exemplar of itself: the same things elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from asap_lightning.data.sample import Sample

POINTS = 4
"""Points a side that are moved; between them the shift is bicubic."""
MOVED = 0.04
"""Standard deviation of their shifts, as a share of the side."""
TURNED = 0.1
"""Radians, at most."""
SCALED = 0.15
"""The scale lies between 1 - this and 1 + this."""


def distort(sample: Sample, seed: int | Sequence[int]) -> Sample:
    """Mirrored half of the time, turned, scaled, and bent by moving 4 x 4 points; borders are repeated.

    Photos and pictures are sampled bilinearly, ids by nearest pixel; instance maps are left out.

    Args:
        sample: a pair of any size.
        seed: decides all.
    """
    height, width = sample.size
    grid = _places(height, width, np.random.default_rng(seed))
    arrays = {name: _sampled(array, grid) for name, array in sample.arrays.items() if name != "instance"}
    return replace(sample, **arrays, instance=None)  # type: ignore[arg-type]


def _places(height: int, width: int, draws: np.random.Generator) -> Tensor:
    """Where each pixel is taken from (1, H, W, 2): x and y from -1 to 1 over the image."""
    angle, scale = draws.uniform(-TURNED, TURNED), 1 + draws.uniform(-SCALED, SCALED)
    mirror = -1.0 if draws.random() < 0.5 else 1.0
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    ratio = height / width
    matrix = [[mirror * cosine, -sine * ratio, 0.0], [mirror * sine / ratio, cosine, 0.0]]
    grid = functional.affine_grid(torch.tensor([matrix]).float(), [1, 1, height, width], align_corners=False)
    shifts = torch.from_numpy(draws.normal(0, 2 * MOVED, (1, 2, POINTS, POINTS))).float()
    bent = functional.interpolate(shifts, size=(height, width), mode="bicubic", align_corners=True)
    return grid + bent.permute(0, 2, 3, 1)


def _sampled(array: NDArray, grid: Tensor) -> NDArray:
    """An array (H, W) or (H, W, C) at these places, in its own type."""
    planes = torch.from_numpy(np.ascontiguousarray(array).copy())
    planes = planes.unsqueeze(0) if planes.ndim == 2 else planes.permute(2, 0, 1)
    ids = array.ndim == 2 and array.dtype.kind in "iu"
    found = functional.grid_sample(
        planes.unsqueeze(0).to(torch.float64 if ids else torch.float32),
        grid.double() if ids else grid,
        mode="nearest" if ids else "bilinear",
        padding_mode="border",
        align_corners=False,
    )[0]
    if array.dtype.kind in "iu":
        found = found.round()
    result = found[0] if array.ndim == 2 else found.permute(1, 2, 0)
    return result.contiguous().numpy().astype(array.dtype)
