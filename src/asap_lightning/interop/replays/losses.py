"""Replays recordings of the losses."""

from __future__ import annotations

import re

from torch import Tensor

from asap_lightning import losses
from asap_lightning.interop.recordings import Outputs, Recording
from asap_lightning.losses.adversarial import over_scales

ADVERSARIAL = {
    "hinge": losses.HingeLoss,
    "ls": losses.LeastSquaresLoss,
    "original": losses.CrossEntropyLoss,
    "w": losses.WassersteinLoss,
}


def _features(inputs: dict[str, Tensor], which: str) -> list[list[Tensor]]:
    found: dict[int, dict[int, Tensor]] = {}
    for name, tensor in inputs.items():
        if match := re.fullmatch(rf"pred_{which}_(\d+)_(\d+)", name):
            found.setdefault(int(match[1]), {})[int(match[2])] = tensor
    return [[layers[i] for i in sorted(layers)] for _, layers in sorted(found.items())]


def replay_losses(recording: Recording) -> Outputs:
    """Every loss whose name is recorded."""
    fake, real = _features(recording.inputs, "fake"), _features(recording.inputs, "real")
    outputs: Outputs = {}
    for name, loss in ADVERSARIAL.items():
        objective = loss()
        outputs[f"{name}_D_fake"] = over_scales(objective.fake, fake)
        outputs[f"{name}_D_real"] = over_scales(objective.real, real)
        outputs[f"{name}_G"] = over_scales(objective.generator, fake)
    for name in recording.outputs:
        if match := re.fullmatch(r"feature_matching(?:_lambda([\d.]+))?", name):
            outputs[name] = float(match[1] or 1) * losses.feature_matching(fake, real)
    if "mu" in recording.inputs:
        outputs["kld"] = losses.kl_divergence(recording.inputs["mu"], recording.inputs["logvar"])
    return outputs
