"""The recurrent network that corrects PatchMatch's candidates (section 3.2), after RAFT (Teed, Deng 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asap_lightning.models.cocosnet.matching import CANDIDATES


class SeparableConvGru(nn.Module):
    """A gated recurrent unit of convolutions, 1 x 5 and then 5 x 1.

    z = sigmoid(conv[h, x]), r = sigmoid(conv[h, x]), q = tanh(conv[r h, x]); h <- (1 - z) h + z q.

    Args:
        hidden: channels of the state h.
        inputs: channels of x.
    """

    def __init__(self, hidden: int, inputs: int) -> None:
        super().__init__()
        self.across = self._gates(hidden, inputs, (1, 5))
        self.down = self._gates(hidden, inputs, (5, 1))

    @staticmethod
    def _gates(hidden: int, inputs: int, kernel: tuple[int, int]) -> nn.ModuleList:
        """The convolutions of z, r and q."""
        padding = (kernel[0] // 2, kernel[1] // 2)
        return nn.ModuleList(nn.Conv2d(hidden + inputs, hidden, kernel, padding=padding) for _ in "zrq")

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        """The next state (B, hidden, h, w) from the state and x (B, inputs, h, w)."""
        for update, reset, candidate in (self.across, self.down):
            both = torch.cat([state, x], 1)
            z, r = update(both).sigmoid(), reset(both).sigmoid()
            q = candidate(torch.cat([r * state, x], 1)).tanh()
            state = (1 - z) * state + z * q
        return state


class Refinement(nn.Module):
    """Reads candidates and how well they match; remembers; proposes corrections of their offsets.

    Args:
        features: C of the matched maps.
        hidden: channels of the state.
    """

    def __init__(self, features: int, hidden: int = 32) -> None:
        super().__init__()
        offsets, wide = 2 * CANDIDATES, 2 * hidden
        self.begin = nn.Sequential(
            nn.Conv2d(2 * features, hidden, 3, padding=1),
            nn.InstanceNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.InstanceNorm2d(hidden),
            nn.ReLU(),
        )
        self.of_shares = nn.Sequential(
            nn.Conv2d(CANDIDATES, wide, 1), nn.ReLU(), nn.Conv2d(wide, wide, 3, padding=1), nn.ReLU()
        )
        self.of_offsets = nn.Sequential(
            nn.Conv2d(offsets, wide, 7, padding=3), nn.ReLU(), nn.Conv2d(wide, wide, 3, padding=1), nn.ReLU()
        )
        self.joined = nn.Sequential(nn.Conv2d(2 * wide, hidden, 3, padding=1), nn.ReLU())
        self.gru = SeparableConvGru(hidden, hidden + offsets)
        self.correct = nn.Sequential(
            nn.Conv2d(hidden, wide, 3, padding=1), nn.ReLU(), nn.Conv2d(wide, offsets, 3, padding=1)
        )

    def first_state(self, left: Tensor, right: Tensor) -> Tensor:
        """The state (B, hidden, h, w) that the two maps (B, C, h, w) begin with."""
        state: Tensor = self.begin(torch.cat([left, right], 1))
        return state

    def forward(self, state: Tensor, shares: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The next state, and what is to be added to x and to y.

        Args:
            state: (B, hidden, h, w).
            shares, x, y: (B, K, h, w) of `keep_best`.
        """
        offsets = torch.cat([x, y], 1)
        joined = self.joined(torch.cat([self.of_shares(shares), self.of_offsets(offsets)], 1))
        state = self.gru(state, torch.cat([joined, offsets], 1))
        dx, dy = self.correct(state).chunk(2, 1)
        return state, dx, dy
