"""VGG-19's convolutional part (Simonyan & Zisserman, 2015), with weights in torchvision's layout."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from asap_lightning.errors import UserError
from asap_lightning.untrusted import load_torch

WEIGHT_FILE = "vgg19-dcbb9e9d.pth"
STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Width and number of the convolutions between two poolings."""


def vgg19_layers() -> nn.Sequential:
    """The network with random weights: its layers are numbered as in torchvision's ``vgg19().features``.

    No activation works in place: a later layer must not overwrite a feature that a loss uses.
    """
    layers: list[nn.Module] = []
    inputs = 3
    for width, count in STAGES:
        for _ in range(count):
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU()]
            inputs = width
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


def default_weight_path() -> Path:
    """Where torchvision keeps VGG-19: ``$TORCH_HOME/hub/checkpoints``."""
    return Path(torch.hub.get_dir()) / "checkpoints" / WEIGHT_FILE


def load_vgg19(weights: str | Path | None, advice: str = "") -> nn.Sequential:
    """`vgg19_layers` with weights from a file; never random ones.

    Args:
        weights: a state dict of torchvision's VGG-19 or of its ``features``; None reads torchvision's cache.
        advice: a line more in the message for missing weights.

    Raises:
        UserError: file missing, unreadable, or not VGG-19's.
    """
    path = Path(weights) if weights is not None else default_weight_path()
    if not path.is_file():
        raise UserError(
            f"the perceptual loss needs VGG-19 weights, but there is no file {path}\n"
            "  get them where there is internet:  python -c "
            "\"import torchvision; torchvision.models.vgg19(weights='IMAGENET1K_V1')\"\n"
            f"  (it writes {WEIGHT_FILE} into torchvision's cache), and copy the file to the path above,\n"
            "  or name a file:           loss.perceptual.weights=PATH\n"
            f"{advice}"
            "  or train without it:      loss.perceptual=null"
        )
    try:
        state = load_torch(path)
    except UserError as error:
        raise UserError(f"loss.perceptual.weights: {error}") from error
    network = vgg19_layers()
    try:
        network.load_state_dict(_feature_keys(state), assign=True)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise UserError(
            f"loss.perceptual.weights: {path} does not hold VGG-19's weights in torchvision's layout: "
            f"{str(error).splitlines()[-1].strip()}"
        ) from error
    return network


def _feature_keys(state: object) -> dict[str, Tensor]:
    """The entries of the convolutional part, with or without the 'features.' prefix."""
    if not isinstance(state, dict):
        return {}
    prefix = "features."
    chosen = {key[len(prefix) :]: value for key, value in state.items() if str(key).startswith(prefix)}
    return chosen or state
