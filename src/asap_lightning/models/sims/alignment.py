"""The alignment network: how a retrieved piece is moved and scaled to fit where it is laid (section 4.1).

Axes: B batch, N label channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.models.layers import layer_norm
from asap_lightning.models.sims.affine import IDENTITY
from asap_lightning.models.sims.trunk import Trunk

CELLS = 12
"""A side of the grid on which piece and region are compared."""
GAIN = 4.0
"""Brings what is on the grid, mostly 0, to about the size of the trunk's features."""


class AlignmentNetwork(nn.Module):
    """The trunk on a piece, the region that it is to fill, and the layout; six numbers of an affine map.

    Beside the trunk's mean features the last layer sees where piece and region differ, on a grid of 12 x 12.
    That is not in the paper: features averaged over positions say next to nothing of a shift at first, and
    with them alone nothing was learnt in the steps that a small data set affords.

    The last layer begins with zero weights and the identity as its bias, so that an untrained network leaves
    pieces where they are. Its numbers for shifts are of half the picture's sides, so that an equal change of
    any of the six moves the picture's border equally far.

    Args:
        label_channels: N.
        width: channels of the trunk's first stage (64 in the paper).
        norm: makes a norm from a number of channels.
    """

    def __init__(
        self, label_channels: int, *, width: int = 64, norm: Callable[[int], nn.Module] = layer_norm
    ) -> None:
        super().__init__()
        self.label_channels = label_channels
        self.trunk = Trunk(4 + 1 + label_channels, width=width, norm=norm)
        self.to_map = nn.Linear(self.trunk.outputs + CELLS**2, 6)
        nn.init.zeros_(self.to_map.weight)
        with torch.no_grad():
            self.to_map.bias.copy_(torch.tensor(IDENTITY))

    def forward(self, piece: Tensor, region: Tensor, layout: Tensor) -> Tensor:
        """The map theta (B, 2, 3), see `affine`.

        Args:
            piece: (B, 4, H, W): RGB in [-1, 1], then 1 where there is the piece; 0 elsewhere.
            region: (B, 1, H, W) in {0, 1}: what it is to fill.
            layout: (B, N, H, W) one-hot.
        """
        height, width = piece.shape[-2:]
        features = self.trunk(torch.cat([piece, region, layout], dim=1)).mean(dim=(2, 3))
        places = GAIN * F.adaptive_avg_pool2d(piece[:, 3:] - region, CELLS).flatten(1)
        theta = self.to_map(torch.cat([features, places], dim=1)).unflatten(1, (2, 3))
        shift = theta[..., 2:] * theta.new_tensor([[width / 2], [height / 2]])
        return torch.cat([theta[..., :2], shift], dim=-1)
