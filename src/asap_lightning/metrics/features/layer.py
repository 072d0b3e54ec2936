"""The output of one layer of any network."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from asap_lightning.errors import UserError


class OutputOf(nn.Module):
    """Images -> what a layer gives, averaged over positions: (B, D).

    Args:
        network: called with images (B, 3, H, W).
        layer: its name in ``named_modules``; None takes the network's own output.

    Raises:
        UserError: there is no such layer.
    """

    def __init__(self, network: nn.Module, layer: str | None) -> None:
        super().__init__()
        self.network = network
        modules = dict(network.named_modules())
        if layer is not None and layer not in modules:
            some = ", ".join(name for name in modules if name and "." not in name)
            raise UserError(
                f"evaluation.custom.layer={layer}: the network has no such layer; it has {some}, .."
            )
        self._found: Any = None
        self.layer = layer
        modules[layer or ""].register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self._found = output

    def forward(self, images: Tensor) -> Tensor:
        """Runs the network; a `UserError` where the layer gives no tensor with a channel axis."""
        self.network(images)
        found, self._found = self._found, None
        if not isinstance(found, Tensor) or found.dim() not in (2, 3, 4):
            raise UserError(
                f"evaluation.custom.layer={self.layer or 'the output'} gives a {type(found).__name__}; a "
                "tensor (B, D), (B, positions, D) or (B, D, H, W) was expected"
            )
        if found.dim() == 4:
            return found.mean((2, 3))
        return found.mean(1) if found.dim() == 3 else found
