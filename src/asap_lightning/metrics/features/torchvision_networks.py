"""Networks that LPIPS, DISTS and SIFID see with: torchmetrics' and torchvision's, weights from files."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asap_lightning.metrics.features.networks import placed, setting
from asap_lightning.metrics.metric import Bench
from asap_lightning.models.pretrained.weights import load_into, torchvision_command, weight_file
from asap_lightning.untrusted import load_torch

BACKBONES = {
    "alex": ("alexnet", "alexnet", "alexnet-owt-7be5be79.pth"),
    "vgg": ("vgg16", "vgg16", "vgg16-397923af.pth"),
    "squeeze": ("squeezenet", "squeezenet1_1", "squeezenet1_1-b8a52dc0.pth"),
}
"""LPIPS's name of a network -> our setting, torchvision's builder, its file in torch's cache."""
BEFORE_SECOND_POOL = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
)
INCEPTION_V3 = "inception_v3_google-0cc3c7bd.pth"


def backbone(name: str, bench: Bench) -> nn.Sequential:
    """The convolutional part of a torchvision network, with ImageNet weights.

    Raises:
        Unavailable: the weights are missing.
        UserError: the file holds others.
    """
    import torchvision

    key, builder, file = BACKBONES[name]
    path = weight_file(
        f"torchvision's {builder}",
        file,
        setting(bench, "weights", key),
        f"evaluation.weights.{key}",
        torchvision_command(builder),
    )
    with torch.device("meta"):  # no memory for the classifier, which is not needed
        features: nn.Sequential = getattr(torchvision.models, builder)(weights=None).features
    load_into(features, path, f"torchvision's {builder}", _within("features."))
    return features


def _within(*beginnings: str) -> Callable[[str], str | None]:
    """Keeps names that begin so; a single beginning is cut off."""

    def rename(name: str) -> str | None:
        if not name.startswith(beginnings):
            return None
        return name.removeprefix(beginnings[0]) if len(beginnings) == 1 else name

    return rename


def load_lpips(name: str, bench: Bench) -> nn.Module:
    """LPIPS with fitted heads (torchmetrics brings them) on a network with ImageNet weights."""
    from torchmetrics.functional.image import lpips

    features = backbone(name, bench)
    net = lpips._LPIPS(pretrained=False, net=name, pnet_rand=True)  # type: ignore[arg-type]
    heads = Path(inspect.getfile(lpips)).parent / "lpips_models" / f"{name}.pth"
    for head, weight in load_torch(heads).items():
        net.get_parameter(head).data.copy_(weight)
    _fill(net.net, features)
    return net.eval().requires_grad_(False)


def load_dists(bench: Bench) -> nn.Module:
    """DISTS with fitted weights (torchmetrics brings them) on VGG-16 with ImageNet weights."""
    from torchmetrics.functional.image import dists

    features = backbone("vgg", bench)
    net = _dists_without_download(dists, features)
    fitted = load_torch(dists._PATH_WEIGHT_DISTS)
    net.alpha.data, net.beta.data = fitted["alpha"], fitted["beta"]
    return net.eval().requires_grad_(False)


def _dists_without_download(dists: Any, features: nn.Sequential) -> Any:
    """The network of torchmetrics around these features; its constructor would fetch its own."""

    class Given:
        pass

    given = Given()
    given.features = features  # type: ignore[attr-defined]
    made, dists.vgg16 = dists.vgg16, lambda weights: given
    try:
        return dists.DISTSNetwork(load_weights=False)
    finally:
        dists.vgg16 = made


def _fill(network: nn.Module, features: nn.Sequential) -> None:
    """Copies a backbone's layers into LPIPS's slices, which name them by their number."""
    for slice_ in network.modules():
        for name, layer in slice_.named_children():
            if name.isdigit() and not isinstance(layer, nn.Sequential):
                layer.load_state_dict(features[int(name)].state_dict())


class InceptionPositions(nn.Module):
    """torchvision's Inception-v3 up to the layer before its second max pooling: (B, 192, H', W').

    Args:
        network: with weights.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            OrderedDict((name, getattr(network, name)) for name in BEFORE_SECOND_POOL)
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Describes images (B, 3, H, W) with values 0..255: 2 x - 1 of x in [0, 1], at their own size."""
        found: Tensor = placed(self.layers, pixels)(pixels.float() / 127.5 - 1)
        return found


def load_inception_positions(bench: Bench) -> InceptionPositions:
    """SIFID's network.

    Raises:
        Unavailable: the weights are missing.
        UserError: the file holds others.
    """
    import torchvision

    path = weight_file(
        "torchvision's Inception-v3",
        INCEPTION_V3,
        setting(bench, "weights", "inception_v3"),
        "evaluation.weights.inception_v3",
        torchvision_command("inception_v3"),
    )
    with torch.device("meta"):
        net = InceptionPositions(torchvision.models.inception_v3(weights=None, init_weights=False))
    load_into(net.layers, path, "torchvision's Inception-v3", _within(*BEFORE_SECOND_POOL))
    return net
