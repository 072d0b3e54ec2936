"""HDRNet's coefficient network and guide: settings and names of its TensorFlow variables."""

from __future__ import annotations

from torch import Tensor

from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import indices, option, tensor
from asap_lightning.models.hdrnet import CoefficientNetwork, CurveGuide

SCOPE = "inference/coefficients/"
GUIDE = {"ccm": "matrix", "ccm_bias": "offset", "mix_weight": "mix", "mix_bias": "bias"}
AXES = {4: (3, 2, 0, 1), 2: (1, 0)}
"""TensorFlow keeps convolutions as (row, column, in, out), linear layers as (in, out)."""


def in_torch_layout(state: State) -> dict[str, Tensor]:
    """TensorFlow's variables as torch would have them: ``splat/conv1/weights`` -> ``splat.conv1.weight``."""
    made = {}
    for name, value in state.items():
        if "/" not in name:
            made[GUIDE.get(name, name)] = value
            continue
        plain = name.removeprefix(SCOPE).replace("/", ".")
        plain = plain.replace(".weights", ".weight").replace(".biases", ".bias")
        made[plain] = value.permute(AXES.get(value.ndim, tuple(range(value.ndim))))
    return made


def infer_coefficients(state: State, options: Options) -> InferredNetwork:
    """The coefficient network's settings, from weights in torch's layout.

    Options: ``luma_bins``, the depth (8 if it is not said), and ``spatial_bin``, the cells (16).
    """
    first = tensor(state, "splat.conv1.weight", "HDRNet's coefficient network")
    last = tensor(state, "prediction.conv1.weight", "HDRNet's coefficient network")
    depth, cells = (
        int(option(options, "luma_bins", default=8)),
        int(option(options, "spatial_bin", default=16)),
    )
    inputs = first.shape[1] + 1
    arguments = {
        "channels": first.shape[1],
        "inputs": inputs,
        "outputs": last.shape[0] // (inputs * depth),
        "size": cells << len(indices(state, r"splat\.conv(\d+)\.weight")),
        "cells": cells,
        "depth": depth,
        "width_multiplier": first.shape[0] // depth,
    }
    return InferredNetwork("asap_lightning.models.hdrnet.CoefficientNetwork", arguments)


def coefficient_names(network: CoefficientNetwork) -> NameMap:
    """Layers are numbered from 1 within splat, local, global and prediction."""
    pairs = [(f"splat.{index}.0", f"splat.conv{index + 1}") for index in range(len(network.splat))]
    pairs += [("local.0.0", "local.conv1"), ("local.1", "local.conv2")]
    pairs += [(f"globally.{index}.0", f"global.conv{index + 1}") for index in (0, 1)]
    pairs += [("linear.0.0", "global.fc1"), ("linear.1.0", "global.fc2"), ("linear.2", "global.fc3")]
    return NameMap(network, [*pairs, ("to_grid", "prediction.conv1")])


def infer_guide(state: State, options: Options) -> InferredNetwork:
    """The guide's settings."""
    channels, points = tensor(state, "shifts", "HDRNet's guide").shape
    return InferredNetwork(
        "asap_lightning.models.hdrnet.CurveGuide", {"channels": channels, "points": points}
    )


def guide_names(network: CurveGuide) -> NameMap:
    """The guide has parameters and no layers."""
    return NameMap(network, [("", "")])
