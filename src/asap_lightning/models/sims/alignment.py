"""The alignment network: how a retrieved piece is moved and scaled to fit where it is laid (section 4.1).

Axes: B batch, N label channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from asap_lightning.models.layers import layer_norm
from asap_lightning.models.sims.affine import IDENTITY
from asap_lightning.models.sims.trunk import Trunk


class AlignmentNetwork(nn.Module):
    """The trunk on a piece, the region that it is to fill, and the layout; six numbers of an affine map.

    The last layer begins with zero weights and the identity as its bias, so that an untrained network leaves
    pieces where they are.

    Args:
        label_channels: N.
        width: channels of the trunk's first stage (64 in the paper).
        norm: makes a norm from a number of channels.
    """

    def __init__(
        self, label_channels: int, *, width: int = 64, norm: Callable[[int], nn.Module] = layer_norm
    ) -> None:
        super().__init__()
        self.trunk = Trunk(3 + 1 + label_channels, width=width, norm=norm)
        self.to_map = nn.Linear(self.trunk.outputs, 6)
        nn.init.zeros_(self.to_map.weight)
        with torch.no_grad():
            self.to_map.bias.copy_(torch.tensor(IDENTITY))

    def forward(self, piece: Tensor, region: Tensor, layout: Tensor) -> Tensor:
        """The map theta (B, 2, 3), see `affine`.

        Args:
            piece: (B, 3, H, W) in [-1, 1], 0 outside the piece.
            region: (B, 1, H, W) in {0, 1}: what it is to fill.
            layout: (B, N, H, W) one-hot.
        """
        features = self.trunk(torch.cat([piece, region, layout], dim=1))
        return self.to_map(features.mean(dim=(2, 3))).unflatten(1, (2, 3))
