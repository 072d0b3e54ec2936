"""PatchMatch whose candidates a recurrent network corrects (section 3.2).

Axes: B batch, C channels, K candidates, h, w height and width, V channels of what is carried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from asap_lightning.models.cocosnet.matching import (
    at_pixels,
    keep_best,
    pixel_grid,
    pixel_indices,
    propagate,
    similarities,
)
from asap_lightning.models.cocosnet.refinement import Refinement


@dataclass
class Step:
    """What one iteration found.

    Attributes:
        x, y, shares: (B, K, h, w): the candidates after propagation, and their shares of the softmax.
        state: (B, hidden, h, w) of the recurrent network.
        dx, dy: (B, K, h, w): its corrections.
    """

    x: Tensor
    y: Tensor
    shares: Tensor
    state: Tensor
    dx: Tensor
    dy: Tensor


class PatchMatch(nn.Module):
    """Finds each left pixel's matches near the given candidates.

    An iteration takes over the neighbours' candidates along rows and along columns, keeps the K best after
    each, and lets the recurrent network correct their offsets. At the end the values at the K right pixels
    are mixed by softmax(left . right / t).

    Matches are whole pixels: cutting an offset's fraction off has no derivative, so that by this arithmetic
    nothing would ever teach the recurrent network. With ``teach_offsets`` the result is the same to the last
    bit, and its gradient by the offsets is that of bilinear interpolation between right pixels (a
    straight-through estimate; the paper does not say how its offsets are taught).

    Args:
        features: C of the matched maps.
        iterations: of propagation and correction.
        temperature: t.
        teach_offsets: see above.
    """

    def __init__(
        self, features: int, *, iterations: int = 5, temperature: float = 0.01, teach_offsets: bool = True
    ) -> None:
        super().__init__()
        self.iterations, self.temperature, self.teach_offsets = iterations, temperature, teach_offsets
        self.refinement = Refinement(features)

    def search(
        self,
        left: Tensor,
        right: Tensor,
        offsets: tuple[Tensor, Tensor],
        rows_first: Sequence[bool],
        watch: Callable[[Step], object] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The corrected offsets x and y (B, K, h, w), with fractions.

        Args:
            left, right: (B, C, h, w) unit vectors.
            offsets: x and y to begin with.
            rows_first: for each iteration, whether candidates wander along rows before columns.
            watch: is told of every iteration.
        """
        x, y = offsets
        state = self.refinement.first_state(left, right)
        for first in rows_first:
            with torch.no_grad():
                for along_rows in (first, not first):
                    near = [propagate(offset, along_rows=along_rows) for offset in (x, y)]
                    x, y, shares = keep_best(left, right, near[0], near[1], self.temperature)
            state, dx, dy = self.refinement(state, shares, x, y)
            if watch is not None:
                watch(Step(x, y, shares, state, dx, dy))
            x, y = x + dx, y + dy
        return x, y

    def warp(self, left: Tensor, right: Tensor, values: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """The values (B, V, h, w) carried from the right to the left along the offsets: (B, V, h, w)."""
        indices = pixel_indices(x, y)
        scores = similarities(left, right, indices)
        carried = values.flatten(2).transpose(1, 2).contiguous()
        colours = torch.stack([at_pixels(carried, which) for which in indices.flatten(2).unbind(1)], 1)
        if self.teach_offsets and x.requires_grad:
            steps = [
                checkpoint(_along, left, right, values, dx, dy, use_reentrant=False)
                for dx, dy in zip(x.unbind(1), y.unbind(1), strict=True)
            ]
            scores = scores + torch.stack([_only_gradient(score) for score, _ in steps], 1)
            colours = colours + torch.stack([_only_gradient(colour) for _, colour in steps], 1)
        shares = (scores / self.temperature).softmax(1).flatten(2)
        mixed = (colours * shares.unsqueeze(3)).sum(1)
        return mixed.transpose(1, 2).unflatten(2, left.shape[-2:])

    def forward(
        self,
        left: Tensor,
        right: Tensor,
        values: Tensor,
        offsets: tuple[Tensor, Tensor],
        rows_first: Sequence[bool],
    ) -> tuple[Tensor, Tensor]:
        """The carried values (B, V, h, w), and each left pixel's first match (B, h, w): row * w + column."""
        x, y = self.search(left, right, offsets, rows_first)
        return self.warp(left, right, values, x, y), pixel_indices(x[:, :1], y[:, :1]).squeeze(1)


def _only_gradient(value: Tensor) -> Tensor:
    """Zeros that have the value's gradient."""
    return value - value.detach()


def _along(left: Tensor, right: Tensor, values: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Score (B, h, w) and values (B, P, V) at one candidate's fractional place, as functions of x and y."""
    height, width = x.shape[-2:]
    rows, columns = pixel_grid(x)
    row, column = (rows + x).clamp(0, height - 1), (columns + y).clamp(0, width - 1)
    top, start = row.detach().floor(), column.detach().floor()
    down, along = (row - top).flatten(1).unsqueeze(2), (column - start).flatten(1).unsqueeze(2)
    both = torch.cat([right.detach(), values.detach()], 1).flatten(2).transpose(1, 2).contiguous()

    def at(below: int, beside: int) -> Tensor:
        place = (top + below).clamp(max=height - 1) * width + (start + beside).clamp(max=width - 1)
        return at_pixels(both, place.long().flatten(1))

    upper = at(0, 0) * (1 - along) + at(0, 1) * along
    lower = at(1, 0) * (1 - along) + at(1, 1) * along
    found = upper * (1 - down) + lower * down
    features = right.shape[1]
    ours = left.detach().flatten(2).transpose(1, 2)
    score = (ours * found[..., :features]).sum(2).unflatten(1, (height, width))
    return score, found[..., features:]
