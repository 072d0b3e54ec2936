"""HDRNet's coefficient network and guide: settings and names of its TensorFlow variables.

The names are those of the authors' program (``hdrnet/models.py``, ``layers.py``), below ``inference/``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import InferredNetwork, Options, State, partial_node
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import indices, option, tensor
from asap_lightning.models import HdrnetGenerator
from asap_lightning.models.hdrnet import CoefficientNetwork, CurveGuide

ROOT, COEFFICIENTS, GUIDE_SCOPE = "inference/", "inference/coefficients/", "inference/guide/"
GUIDE = {"ccm": "matrix", "ccm_bias": "offset", "mix_weight": "mix", "mix_bias": "bias"}
GUIDE |= {"channel_mixing/weights": "mix", "channel_mixing/biases": "bias"}
LEAVES = {"weights": "weight", "biases": "bias", "beta": "bias", "gamma": "weight"}
LEAVES |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
AXES = {4: (3, 2, 0, 1), 2: (1, 0)}
"""TensorFlow keeps convolutions as (row, column, in, out), linear layers as (in, out)."""
NORM = "BatchNorm"
EPSILON, MOMENTUM = 0.001, 0.001
"""Of `tf.contrib.layers.batch_norm`, whose decay is 0.999."""
HINT = "spatial_bin (name=value) must be that of the training, where it is given"


def belongs(name: str) -> bool:
    """Whether a variable is the generator's."""
    return name.startswith(ROOT)


def in_torch_layout(state: State) -> dict[str, Tensor]:
    """TensorFlow's variables as torch would have them: ``splat/conv1/weights`` -> ``splat.conv1.weight``."""
    made = {}
    for name, value in state.items():
        guide = name.removeprefix(GUIDE_SCOPE)
        if guide in GUIDE or guide in ("shifts", "slopes"):
            before = "guide." if guide != name else ""
            made[before + GUIDE.get(guide, guide)] = _plain(value, guide)
            continue
        *scopes, leaf = name.removeprefix(COEFFICIENTS).removeprefix(ROOT).split("/")
        place = ".".join([*scopes, LEAVES.get(leaf, leaf)])
        made[place] = value.permute(AXES.get(value.ndim, tuple(range(value.ndim))))
    return made


def _plain(value: Tensor, name: str) -> Tensor:
    """A variable of the curves without the axes of batch, rows and columns."""
    if name in ("shifts", "slopes"):
        return value.reshape(value.shape[-2:])
    if name in ("channel_mixing/weights", "channel_mixing/biases"):
        return value.reshape(value.shape[2:3])  # (1, 1, C, 1) -> (C,); (1,) -> ()
    return value


def generator_state(state: State) -> dict[str, Tensor]:
    """The whole network's variables in torch's layout, batch norms complete.

    Their batch norm has no scale. The network of 1x1 convolutions as a guide has one even where the
    coefficient network has none: it is folded into the convolution before it then.

    Raises:
        UserError: of their third network, which guides an image pyramid.
    """
    made = in_torch_layout(state)
    if any(name.startswith("guide.level_") for name in made):
        raise UserError(
            "these are the weights of HDRNetGaussianPyrNN, a guide a level, which is not built here"
        )
    for name, value in list(made.items()):
        if name.endswith(f"{NORM}.bias"):
            made.setdefault(name.removesuffix("bias") + "weight", torch.ones_like(value))
    if not _has_norms(made) and f"guide.conv1.{NORM}.bias" in made:
        _fold(made, "guide.conv1")
    return made


def _has_norms(state: State) -> bool:
    return any(NORM in name and not name.startswith("guide.") for name in state)


def _fold(state: dict[str, Tensor], layer: str) -> None:
    scale, shift, mean, variance = (
        state.pop(f"{layer}.{NORM}.{leaf}") for leaf in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale * (variance + EPSILON).rsqrt()
    state[f"{layer}.weight"] = state[f"{layer}.weight"] * factor[:, None, None, None]
    state[f"{layer}.bias"] = shift - mean * factor


def infer(state: State, options: Options) -> InferredNetwork:
    """The generator's settings, from weights as `generator_state` has them.

    The depth follows from the last layer, which has 3 outputs. Options: ``spatial_bin``, the cells; if it is
    not said, four times the side that the first linear layer sees: a quarter of them, rounded up.
    """
    first = tensor(state, "splat.conv1.weight", "HDRNet's coefficient network")
    last = tensor(state, "prediction.conv1.weight", "HDRNet's coefficient network")
    depth = last.shape[0] // (3 * (first.shape[1] + 1))
    if int(option(options, "luma_bins", default=depth)) != depth:
        raise UserError(f"luma_bins={options['luma_bins']}, but the weights are of {depth}; leave it out")
    cells = int(option(options, "spatial_bin", default=_cells(state)))
    known = {**options, "luma_bins": depth, "spatial_bin": cells}
    arguments = infer_coefficients(state, known).arguments
    channels = int(arguments.pop("channels"))
    for fixed in ("inputs", "outputs"):
        arguments.pop(fixed)
    if _has_norms(state):
        arguments["norm"] = partial_node("torch.nn.BatchNorm2d", eps=EPSILON, momentum=MOMENTUM)
    if "guide.shifts" in state:
        arguments |= {"guide": "curves", "guide_points": state["guide.shifts"].shape[1]}
    else:
        hidden = tensor(state, "guide.conv1.weight", "HDRNet's guide")
        arguments |= {"guide": "pointwise", "guide_points": hidden.shape[0]}
    spec = ConditionSpec("image", channels=channels)
    return InferredNetwork("asap_lightning.models.HdrnetGenerator", arguments, spec)


def _cells(state: State) -> int:
    linear = tensor(state, "global.fc1.weight", "HDRNet's coefficient network")
    wide = tensor(state, "global.conv2.weight", "HDRNet's coefficient network").shape[0]
    return 4 * round((linear.shape[1] / wide) ** 0.5)


def names(network: HdrnetGenerator) -> NameMap:
    """The coefficient network's layers and the guide's."""
    pairs = [(f"coefficients.{ours}", theirs) for ours, theirs in _coefficient_pairs(network.coefficients)]
    pairs += [("guide", "guide"), ("guide.layers.0", "guide.conv1"), ("guide.layers.3", "guide.conv2")]
    return NameMap(network, [*pairs, ("guide.layers.1", f"guide.conv1.{NORM}")])


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
    return NameMap(network, _coefficient_pairs(network))


def _coefficient_pairs(network: CoefficientNetwork) -> list[tuple[str, str]]:
    convolutions = [(f"splat.{index}", f"splat.conv{index + 1}") for index in range(len(network.splat))]
    convolutions += [("local.0", "local.conv1")]
    convolutions += [(f"globally.{index}", f"global.conv{index + 1}") for index in (0, 1)]
    linears = [("linear.0", "global.fc1"), ("linear.1", "global.fc2")]
    pairs = [(f"{ours}.0", theirs) for ours, theirs in convolutions + linears]
    pairs += [(f"{ours}.1", f"{theirs}.{NORM}") for ours, theirs in convolutions]
    pairs += [(f"{ours}.1.norm", f"{theirs}.{NORM}") for ours, theirs in linears]
    return [
        *pairs,
        ("local.1", "local.conv2"),
        ("linear.2", "global.fc3"),
        ("to_grid", "prediction.conv1"),
    ]


def infer_guide(state: State, options: Options) -> InferredNetwork:
    """The guide's settings."""
    channels, points = tensor(state, "shifts", "HDRNet's guide").shape
    return InferredNetwork(
        "asap_lightning.models.hdrnet.CurveGuide", {"channels": channels, "points": points}
    )


def guide_names(network: CurveGuide) -> NameMap:
    """The guide has parameters and no layers."""
    return NameMap(network, [("", "")])
