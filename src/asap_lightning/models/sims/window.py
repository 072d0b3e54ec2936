"""Windows of one size, through which the networks of pieces see a picture of any.

A window is a map (B, 2, 3), see `affine`: where in the picture a pixel of the window lies, both about their
centres. Axes: B batch, C channels, H height, W width of the picture; S the window's side in pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.models.sims.affine import composed, inverted, warped

GROWN = 1.5
"""How many times as large as the box, along either side, a window is."""
LEAST = 6.0
"""Pixels of the picture that half a window has at least."""


def box_of(mask: Tensor) -> Tensor:
    """First column and row, last column and row of what is not 0 in a mask (H, W): (4,) float32.

    Raises:
        IndexError: the mask is empty.
    """
    rows, columns = mask.amax(1).nonzero()[:, 0], mask.amax(0).nonzero()[:, 0]
    return torch.stack([columns[0], rows[0], columns[-1], rows[-1]]).float()


def window_about(boxes: Tensor, side: int, height: int, width: int) -> Tensor:
    """The windows (B, 2, 3) about boxes (B, 4), see `box_of`: each box is brought to the same size.

    Args:
        boxes: of a picture.
        side: S.
        height, width: of the picture.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 - boxes.new_tensor([(width - 1) / 2, (height - 1) / 2])
    half = (GROWN * (boxes[:, 2:] - boxes[:, :2] + 1) / 2).clamp(min=LEAST)
    return torch.cat([torch.diag_embed(half / (side / 2)), centre[:, :, None]], dim=2)


def seen(pictures: Tensor, window: Tensor, side: int) -> Tensor:
    """Pictures (B, C, H, W) through windows (B, 2, 3): (B, C, S, S), bilinear, zero outside."""
    return warped(pictures, window, (side, side))


def nearest(label: Tensor, window: Tensor, side: int) -> Tensor:
    """Class ids (B, 1, H, W), as floats, through windows: (B, S, S); -1 outside the picture."""
    return warped(label + 1, window, (side, side), mode="nearest")[:, 0].round() - 1


def in_picture(theta: Tensor, window: Tensor) -> Tensor:
    """A map (B, 2, 3) of a window's pixels as the map of the picture's."""
    return composed(composed(window, theta), inverted(window))


def in_window(theta: Tensor, window: Tensor) -> Tensor:
    """A map (B, 2, 3) of the picture's pixels as the map of a window's; the inverse of `in_picture`."""
    return composed(composed(inverted(window), theta), window)
