"""Loss scaling for two networks: under ``16-mixed`` each has a scaler of its own.

With one for both, an overflow in one network would lower the other's scale, and the scale would grow after
half as many updates as it should.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch.amp.grad_scaler import GradScaler
from torch.optim import Optimizer


class NetworkScalers:
    """Puts the scaler of the network that is being updated into Lightning's precision plugin.

    Args:
        plugin: of the trainer. One without a scaler scales nothing, and neither does this.
        networks: how many networks there are; the first keeps the plugin's own scaler.
    """

    def __init__(self, plugin: Any, networks: int) -> None:
        self.plugin = plugin
        own: GradScaler | None = getattr(plugin, "scaler", None)
        self.scalers = [] if own is None else [own, *(copy.deepcopy(own) for _ in range(networks - 1))]

    @contextmanager
    def of(self, network: int) -> Iterator[None]:
        """Inside the block losses and gradients are this network's."""
        if not self.scalers:
            yield
            return
        self.plugin.scaler = self.scalers[network]
        try:
            yield
        finally:
            self.plugin.scaler = self.scalers[0]

    def unscale(self, optimizer: Optimizer) -> None:
        """Before a step, inside `of`: divides the gradients of a fused optimizer by the scale.

        Lightning leaves that to the optimizer's step, too late for clipping and for measuring norms; with
        other optimizers it does it itself.
        """
        if self.scalers and getattr(optimizer, "_step_supports_amp_scaling", False):
            self.plugin.scaler.unscale_(optimizer)

    def state(self) -> list[dict[str, Any]]:
        """Plain data for a checkpoint."""
        return [scaler.state_dict() for scaler in self.scalers]

    def load(self, states: Sequence[dict[str, Any]] | None) -> None:
        """The inverse of `state`; None, from older files, lets all begin as the plugin's own scaler is."""
        if states is None and self.scalers:
            states = [self.scalers[0].state_dict()] * len(self.scalers)
        for scaler, state in zip(self.scalers, states or (), strict=False):
            if state:  # that of a disabled scaler is empty
                scaler.load_state_dict(state)
