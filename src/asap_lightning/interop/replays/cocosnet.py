"""Replays recordings of CoCosNet v2: PatchMatch, correspondences, translation.

The matches are discrete, and the recurrent network spreads one that fell otherwise by rounding. So the finer
levels are compared one by one, each with its own recorded features, candidates and order, as the recording's
note asks; only what comes before the first match of a level runs through from the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.interop.recordings import Outputs, Recording, loaded
from asap_lightning.interop.systems import cocosnet
from asap_lightning.models.cocosnet import CorrespondencePyramid, PatchMatch
from asap_lightning.models.cocosnet.features import COARSEST, LEVELS
from asap_lightning.models.cocosnet.matching import (
    initial_offsets,
    keep_best,
    match_everywhere,
    pixel_indices,
    propagate,
    unit_features,
)
from asap_lightning.models.cocosnet.patch_match import Step
from asap_lightning.models.cocosnet.refinement import Refinement
from asap_lightning.models.spade.generator import SpadeGenerator

Tensors = Mapping[str, Tensor]


class _Exact(Refinement):
    """The recurrent network in float64: rounding of ours must not decide where a match falls."""

    def __init__(self, network: Refinement) -> None:
        nn.Module.__init__(self)  # no layers of its own
        self.network = network.double()

    def first_state(self, left: Tensor, right: Tensor) -> Tensor:
        return self.network.first_state(left.double(), right.double())

    def forward(self, state: Tensor, shares: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        state, dx, dy = self.network(state, shares.double(), x.double(), y.double())
        return state, dx.float(), dy.float()


def orders_of(settings: Mapping[str, Any]) -> list[bool]:
    """Whether each iteration goes along rows first: numbers below a half do."""
    return [float(draw) < 0.5 for draw in settings["draws"]]


def patch_match_outputs(
    network: PatchMatch, inputs: Tensors, settings: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Every step of a search, and single calls on the offsets that it begins with."""
    left, right = inputs["left"], inputs["right"]
    begin = (inputs["initial_x"], inputs["initial_y"])
    outputs: dict[str, Tensor] = {"hidden0": network.refinement.first_state(left, right)}
    for letter, along_rows in (("h", True), ("v", False)):
        for axis, offset in zip("xy", begin, strict=True):
            outputs[f"propagate_{letter}_{axis}"] = propagate(offset, along_rows=along_rows)
    near = (outputs["propagate_h_x"], outputs["propagate_h_y"])
    x, y, shares = keep_best(left, right, near[0], near[1], network.temperature)
    outputs |= {"evaluate_x": x, "evaluate_y": y, "evaluate_corr": shares.flatten(2)}
    steps: list[Step] = []
    x, y = network.search(left, right, begin, orders_of(settings), steps.append)
    for number, step in enumerate(steps):
        made = {
            "patchmatch_x": step.x,
            "patchmatch_y": step.y,
            "corr": step.shares.flatten(2),
            "hidden": step.state,
            "delta_x": step.dx,
            "delta_y": step.dy,
        }
        outputs |= {f"it{number}.{name}": value for name, value in made.items()}
    values = inputs["right_input"].unflatten(2, left.shape[-2:])
    outputs["indices"] = pixel_indices(x, y).flatten(2).transpose(1, 2).float()
    outputs["warp"] = network.warp(left, right, values, x, y).flatten(2)
    return outputs


def correspondence_outputs(
    network: CorrespondencePyramid, inputs: Tensors, theirs: Tensors, settings: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Features and their projections through from the inputs; each finer level by its own recorded inputs."""
    condition = network.of_condition(inputs["label"])
    exemplar = network.exemplar_features(inputs["ref_image"], inputs["ref_label"])
    outputs: dict[str, Tensor] = {}
    parts = (
        ("seg_feature", "theta", network.project_condition, condition),
        ("img_feature", "phi", network.project_exemplar, exemplar),
    )
    for level in range(LEVELS):
        for feature, projected, layers, found in parts:
            outputs[f"{feature}{level}"] = found[level]
            outputs[f"{projected}{level}"] = layers[level](unit_features(found[level]))
    left = network.project(network.project_condition, condition)
    right = network.project(network.project_exemplar, exemplar)
    colours = F.avg_pool2d(inputs["ref_image"], COARSEST)
    outputs["warp0"], best = match_everywhere(left[0], right[0], colours, network.temperature)
    orders = orders_of(settings)
    network.patch_match.refinement = _Exact(network.patch_match.refinement)
    for level in range(1, LEVELS):
        place = f"level{level}"
        begin = initial_offsets(best)
        outputs |= {f"{place}.left": left[level], f"{place}.right": right[level]}
        outputs |= {f"{place}.initial_x": begin[0], f"{place}.initial_y": begin[1]}
        given = {name: theirs[f"{place}.{name}"] for name in ("left", "right", "initial_x", "initial_y")}
        mine = orders[network.patch_match.iterations * (level - 1) :][: network.patch_match.iterations]
        x, y = network.patch_match.search(
            given["left"], given["right"], (given["initial_x"], given["initial_y"]), mine
        )
        indices = pixel_indices(x, y)
        outputs[f"{place}.indices"] = indices.flatten(2).transpose(1, 2).float()
        colours = F.avg_pool2d(inputs["ref_image"], COARSEST // 2**level)
        outputs[f"warp{level}"] = network.patch_match.warp(given["left"], given["right"], colours, x, y)
        best = indices[:, 0]
    return outputs


def translation_outputs(network: SpadeGenerator, inputs: Tensors) -> dict[str, Tensor]:
    """The image from recorded warps."""
    label = inputs["label"]
    size = label.shape[-2:]
    warps = [F.interpolate(inputs[f"warp{level}"], size=size, mode="nearest") for level in range(LEVELS)]
    grid = (size[0] // network.size_multiple, size[1] // network.size_multiple)
    return {"image": network.synthesize(torch.cat([*warps, label], 1), grid)}


def replay_cocosnet_patch_match(recording: Recording) -> Outputs:
    """CoCosNet v2's PatchMatch, with every step."""
    description = cocosnet.infer_patch_match(recording.state, recording.settings)
    network = loaded(recording, description, cocosnet.patch_match_names)
    return patch_match_outputs(network, recording.inputs, recording.settings)


def replay_cocosnet_correspondence(recording: Recording) -> Outputs:
    """CoCosNet v2's pyramid, level by level."""
    description = cocosnet.infer_correspondence(recording.state, recording.settings)
    network = loaded(recording, description, cocosnet.correspondence_names)
    return correspondence_outputs(network, recording.inputs, recording.outputs, recording.settings)


def replay_cocosnet_translation(recording: Recording) -> Outputs:
    """CoCosNet v2's translation network on recorded warps."""
    description = cocosnet.infer_translation(recording.state, recording.settings)
    return translation_outputs(loaded(recording, description, cocosnet.translation_names), recording.inputs)
