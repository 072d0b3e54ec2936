"""Torchvision's segmentation networks, with a file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.models.segmenters.segmenter import Segmenter
from asap_lightning.untrusted import load_torch, without_wrappers

_CLASSES_OF = ("classifier.4.weight", "classifier.low_classifier.weight")
"""The last convolutions: of FCN and DeepLab v3, of LR-ASPP."""


class _Scores(nn.Module):
    """A network that returns a mapping, as one that returns scores."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.inner = network

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.inner(x)["out"]
        return scores


def torchvision_segmenter(name: str, weights: Path | None = None) -> Segmenter:
    """One of ``torchvision.models.segmentation``, as torchvision normalises its inputs.

    Args:
        name: ``deeplabv3_resnet101``, ``fcn_resnet50``, ..
        weights: a state dict of it; None takes the published one from torch's cache.

    Raises:
        UserError: no such network, or the file holds other weights.
        Unavailable: there are no weights.
    """
    from torchvision.models import get_model, get_model_weights, list_models, segmentation

    known = list_models(segmentation)
    if name not in known:
        raise UserError(f"segmenter.name={name}: torchvision has {', '.join(known)}")
    title = f"torchvision {name}"
    if weights is None:
        file = get_model_weights(name).DEFAULT.url.rpartition("/")[2]
        weights = Path(torch.hub.get_dir()) / "checkpoints" / file
        if not weights.is_file():
            fetching = f"import torchvision; torchvision.models.get_model('{name}', weights='DEFAULT')"
            raise Unavailable(
                f"{title} needs weights, and there is no file {weights}", f'python -c "{fetching}"'
            )
    state = _state(weights)
    last = next((key for key in _CLASSES_OF if key in state), None)
    if last is None:
        raise UserError(f"{weights} does not hold weights of {title}")
    classes = int(state[last].shape[0])
    options: dict[str, Any] = {"weights": None, "weights_backbone": None, "num_classes": classes}
    if "lraspp" not in name:
        options["aux_loss"] = False
    with torch.random.fork_rng(devices=[]):  # its first values are not used
        network = get_model(name, **options)
    _load(network, state, weights, title)
    return Segmenter(_Scores(network), classes, title=title)


def _state(path: Path) -> dict[str, Tensor]:
    content = load_torch(path)
    if isinstance(content, dict) and isinstance(content.get("state_dict", content.get("model")), dict):
        content = content.get("state_dict", content.get("model"))
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{path} holds no state dict: expected a dictionary of tensors")
    state = without_wrappers(content, path)
    return {name: tensor for name, tensor in state.items() if not name.startswith("aux_classifier.")}


def _load(network: nn.Module, state: dict[str, Tensor], path: Path, title: str) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:3]]
        raise UserError(f"{path} does not hold weights of {title}: {' '.join(lines)[:300]}") from error
