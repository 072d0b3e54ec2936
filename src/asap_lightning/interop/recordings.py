"""Recordings of the authors' programs, and what their replays share.

A recording is a ``.pt`` file with ``state_dict``, ``inputs`` and ``outputs``, and a JSON file beside it that
says which system made it and with which settings. `replays` compute our outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.interop.formula_weights import formula_weights
from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import flag
from asap_lightning.models.segmenters.drn import bilinear_kernel
from asap_lightning.untrusted import load_torch, read_json, without_wrappers

Outputs = dict[str, Tensor]


@dataclass(frozen=True)
class Recording:
    """One recording.

    Attributes:
        path: of the ``.pt`` file.
        settings: the JSON beside it.
        state: weights under the authors' names.
        inputs: what their program was given.
        outputs: what it answered.
    """

    path: Path
    settings: dict[str, Any]
    state: State
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @property
    def system(self) -> str:
        """What made the recording, in lower case."""
        return str(self.settings.get("system", self.path.stem)).lower()


def read_recording(path: Path) -> Recording:
    """Reads a recording and the JSON beside it.

    Raises:
        UserError: a file is missing, corrupt, or no recording.
    """
    content = load_torch(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, expected a dictionary of weights")
    described = path.with_suffix(".json")
    if not described.is_file():
        raise UserError(f"{described} is missing: it says which system and settings made {path.name}")
    settings = read_json(described)
    if not isinstance(settings, dict):
        raise UserError(f"{described} must hold an object of settings, found a {type(settings).__name__}")
    absent = [part for part in ("state_dict", "inputs", "outputs") if not isinstance(content.get(part), dict)]
    if absent:
        raise UserError(f"{path} is not a recording: it has no {', '.join(absent)}")
    state = without_wrappers(content["state_dict"], path)
    if not state and "state_dict_entries" in settings:
        state = formula_weights(settings, _constructed(settings), str(described))
    return Recording(path, settings, state, content["inputs"], content["outputs"])


def _constructed(settings: Options) -> dict[str, Tensor]:
    """What a formula leaves as the authors' program constructed it: DRN's fixed upsampling."""
    classes = settings.get("classes")
    return {"up.weight": bilinear_kernel(8).expand(classes, 1, 16, 16)} if isinstance(classes, int) else {}


def loaded(
    recording: Recording, description: InferredNetwork, names: Callable[[Any], NameMap], hint: str = ""
) -> Any:
    """The described network with the recording's weights, in the recorded mode."""
    network: nn.Module = description.sketch(recording.state)
    names(network).load(network, recording.state, recording.path.name, hint)
    mode = str(recording.settings.get("mode", "eval")).lower()
    return network.train(mode.startswith("train"))


def options_of(recording: Recording) -> dict[str, Any]:
    """The settings, completed by what the inputs show: instances, continuous conditions."""
    options = dict(recording.settings)
    options["instance_edges"] = "instance" in recording.inputs
    label = recording.inputs.get("label")
    planes = label is not None and label.is_floating_point() and label.shape[1] > 1
    options["one_hot"] = flag(options, "one_hot", default=True) and not planes
    return options


def condition_of(recording: Recording, spec: ConditionSpec) -> Condition:
    """The recorded inputs as a condition; an id of 255 is the unknown class."""
    inputs = recording.inputs
    instance = inputs["instance"].squeeze(1) if "instance" in inputs else None
    if spec.kind != "label":
        image = next(inputs[name] for name in ("label", "image", "x", "input") if name in inputs)
        return Condition(image=image.float(), instance=instance)
    label = inputs["label"].squeeze(1).long()
    if spec.has_unknown:
        label = torch.where(label == 255, spec.label_channels - 1, label)
    return Condition(label=label, instance=instance)


def spec_of(description: InferredNetwork) -> ConditionSpec:
    """The kind of condition that a described generator takes."""
    if description.spec is None:
        raise ValueError("this network takes no condition")
    return description.spec


def judged(features: list[list[Tensor]]) -> Outputs:
    """A discriminator's features under the names of recordings."""
    return {
        f"scale{scale}_layer{layer}": feature
        for scale, layers in enumerate(features)
        for layer, feature in enumerate(layers)
    }
