"""Soft masks of what is pasted: grown by a disk, blurred, stretched to [0, 1].

Axes: H height, W width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from asap_lightning.errors import UserError

HARMONIZE_RADIUS, EDIT_RADIUS = 7, 20
"""Pixels by which a mask grows: an edit needs more of its surroundings redrawn."""
SIGMA = 5.0


def dilated(mask: Tensor, radius: int) -> Tensor:
    """A mask (H, W) of bool, grown by a disk: true where some true pixel is at most ``radius`` away."""
    squares = torch.arange(-radius, radius + 1) ** 2
    grown = torch.zeros_like(mask)
    height = len(mask)
    for down in range(-min(radius, height - 1), min(radius, height - 1) + 1):
        # the disk's row at this height is a run, whose dilation is a maximum over it
        half = int((squares + down * down <= radius * radius).sum().item() - 1) // 2
        run = functional.max_pool1d(mask.float().unsqueeze(1), 2 * half + 1, 1, half).squeeze(1) > 0
        source = run[max(0, -down) : height - max(0, down)]
        grown[max(0, down) : height - max(0, -down)] |= source
    return grown


def blurred(values: Tensor, sigma: float) -> Tensor:
    """(H, W) float64 under a Gaussian cut off at 4 sigma; the border pixels are repeated outwards."""
    radius = int(4 * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    image = functional.pad(values[None, None], [radius] * 4, mode="replicate")
    image = functional.conv2d(functional.conv2d(image, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))
    return image[0, 0]


def soft_mask(mask: Tensor, radius: int, sigma: float = SIGMA) -> Tensor:
    """How much of every pixel is redrawn, (1, 1, H, W) float32 in [0, 1].

    Where the grown mask covers everything, that is 1 (the published program divides zero by zero).

    Args:
        mask: (H, W), true where something was pasted.
        radius: of the disk.
        sigma: of the blur.

    Raises:
        UserError: nothing is marked.
    """
    if not bool(mask.any()):
        raise UserError(
            "the mask marks nothing: white (128 or more of 255) was expected where the image was changed"
        )
    grown = blurred(dilated(mask, radius).double(), sigma)
    least, most = grown.min(), grown.max()
    stretched = (grown - least) / (most - least) if most - least > 1e-9 else torch.ones_like(grown)
    assert math.isfinite(float(stretched.sum()))
    return stretched.float()[None, None]
