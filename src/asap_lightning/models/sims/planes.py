"""Layouts as planes, for the networks of pieces.

Axes: B batch, N label channels, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor


def one_hot(label: Tensor, channels: int) -> Tensor:
    """Class ids (B, H, W) as planes (B, channels, H, W); ids outside the channels are in none."""
    ids = torch.arange(channels, device=label.device)[None, :, None, None]
    return (label.long().unsqueeze(1) == ids).float()


def coloured(label: Tensor, colours: Tensor, mask: Tensor | None = None) -> Tensor:
    """A map of class ids (B, H, W) in colours: (B, 3, H, W) in [-1, 1].

    Args:
        label: class ids.
        colours: (N, 3), levels of 0 to 255.
        mask: (B, 1, H, W) in {0, 1}: outside it the result is 0; None colours all.
    """
    picture = (colours.float()[label.long()] / 127.5 - 1).permute(0, 3, 1, 2)
    return picture if mask is None else picture * mask
