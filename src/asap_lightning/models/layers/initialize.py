"""Weight initialisation."""

from __future__ import annotations

from torch import Tensor, nn


def _own_weight(module: nn.Module) -> Tensor | None:
    """The trainable weight of a layer, seen through a parametrization."""
    parametrizations = getattr(module, "parametrizations", None)
    if parametrizations is not None and "weight" in parametrizations:
        return parametrizations.weight.original
    return getattr(module, "weight", None)


def xavier_init(network: nn.Module, gain: float = 0.02) -> None:
    """Xavier-normal weights and zero biases for every convolution and linear layer (ASAP-Net, SPADE).

    Batch norm's scales are drawn from N(1, gain); instance norm keeps ones and zeros.
    """
    for module in network.modules():
        weight = _own_weight(module)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and weight is not None:
            nn.init.xavier_normal_(weight, gain=gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, gain)
            nn.init.zeros_(module.bias)


def normal_init(network: nn.Module, std: float = 0.02) -> None:
    """Weights from N(0, std) and zero biases for every convolution and linear layer (pix2pix, SinGAN).

    Batch norm's scales are drawn from N(1, std).
    """
    for module in network.modules():
        weight = _own_weight(module)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and weight is not None:
            nn.init.normal_(weight, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, std)
            nn.init.zeros_(module.bias)
