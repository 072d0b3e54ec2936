"""The order network: which of two overlapping pieces lies in front (section 4.2).

Axes: B batch, N label channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from asap_lightning.models.layers import layer_norm
from asap_lightning.models.sims.trunk import Trunk


class OrderNetwork(nn.Module):
    """The trunk on two pieces and the layout, each in the colours of its classes; the class in front.

    The trunk's features are averaged over a picture of any size (the authors' program: over 8 x 12 of them),
    then conv1x1 to ``16 * width`` channels, ReLU, dropout, conv1x1 to a number for each class.

    Args:
        label_channels: N.
        width: channels of the trunk's first stage (64 in the paper, so that 1024 follow it).
        dropout: probability, in training.
        norm: makes a norm from a number of channels.
    """

    def __init__(
        self,
        label_channels: int,
        *,
        width: int = 64,
        dropout: float = 0.5,
        norm: Callable[[int], nn.Module] = layer_norm,
    ) -> None:
        super().__init__()
        self.trunk = Trunk(9, width=width, norm=norm)
        self.judge = nn.Sequential(
            nn.Conv2d(self.trunk.outputs, 16 * width, 1),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(16 * width, label_channels, 1),
        )

    def forward(self, first: Tensor, second: Tensor, layout: Tensor) -> Tensor:
        """Numbers (B, N) of which the class in front has the greatest.

        Args:
            first: (B, 3, H, W) in [-1, 1], the one piece in its class's colour, 0 elsewhere; see `coloured`.
            second: the same of the other.
            layout: (B, 3, H, W) in [-1, 1].
        """
        features = self.trunk(torch.cat([first, second, layout], dim=1))
        return self.judge(features.mean(dim=(2, 3), keepdim=True)).flatten(1)

    @torch.no_grad()
    def first_in_front(
        self, first: Tensor, second: Tensor, layout: Tensor, classes: tuple[Tensor, Tensor]
    ) -> Tensor:
        """(B,) whether the first piece lies in front; ``classes`` (B,) and (B,) are those of both."""
        scores = self(first, second, layout)
        one, other = (scores.gather(1, ids.long()[:, None])[:, 0] for ids in classes)
        return one >= other
