"""CoCosNet v2 (https://github.com/microsoft/CoCosNet-v2): settings and names of its networks.

Its generator lies in two files, the translation network (``net_G``) and the correspondence network
(``net_Corr``); the names of the second begin ``net_Corr.`` here.
"""

from __future__ import annotations

from typing import Any

from asap_lightning.interop.inferred import InferredNetwork, Options, State, partial_node
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import condition_spec, image_spec, option, tensor
from asap_lightning.interop.systems.spade import blocks
from asap_lightning.models import CocosnetGenerator, SpadeGenerator
from asap_lightning.models.cocosnet import CorrespondencePyramid, PatchMatch
from asap_lightning.models.cocosnet.features import LEVELS, MatchingFeatures
from asap_lightning.models.cocosnet.generator import WARPS

HINT = "settings that explain it: label_nc, contain_dontcare_label, one_hot"
CORRESPONDENCE = "net_Corr."
_TITLE = "CoCosNet v2"
_FROM_WARPS = 3 * len(WARPS)

Pairs = list[tuple[str, str]]


def infer(state: State, options: Options) -> InferredNetwork:
    """The whole generator's settings; its state holds both files."""
    correspondence = infer_correspondence(_inner(state), options).arguments
    translation = infer_translation(state, options)
    channels = tensor(state, "fc.weight", _TITLE).shape[1] - _FROM_WARPS
    arguments = {
        "width": translation.arguments["width"],
        "match_width": correspondence["width"],
        **{name: correspondence[name] for name in ("hidden", "temperature", "iterations")},
    }
    spec = condition_spec(channels, options, edges=False)
    return InferredNetwork("asap_lightning.models.CocosnetGenerator", arguments, spec)


def _inner(state: State) -> State:
    """The correspondence network's part."""
    return {
        name.removeprefix(CORRESPONDENCE): value
        for name, value in state.items()
        if name.startswith(CORRESPONDENCE)
    }


def infer_translation(state: State, options: Options) -> InferredNetwork:
    """The translation network alone, for warps and condition stacked."""
    start = tensor(state, "fc.weight", f"{_TITLE}'s translation network")
    arguments: dict[str, Any] = {
        "width": tensor(state, "conv_img.weight", _TITLE).shape[1],
        "hidden": tensor(state, "head_0.norm_0.mlp_shared.1.weight", _TITLE).shape[0],
        "norm": partial_node("asap_lightning.models.layers.PositionalNorm2d"),
        "padding": "reflect",
        "widest": 8,
    }
    return InferredNetwork("asap_lightning.models.SpadeGenerator", arguments, image_spec(start.shape[1]))


def infer_correspondence(state: State, options: Options) -> InferredNetwork:
    """The correspondence network alone."""
    first = tensor(
        state, "adaptive_model_seg.layer1.0.weight_orig", f"{_TITLE}'s correspondence network (net_Corr)"
    )
    shared = tensor(state, "adaptive_model_seg.head_0.norm_0.mlp_shared.1.weight", _TITLE)
    arguments = {
        "planes": first.shape[1],
        "width": first.shape[0],
        "hidden": shared.shape[0],
        **_matching(options),
    }
    return InferredNetwork("asap_lightning.models.cocosnet.CorrespondencePyramid", arguments)


def infer_patch_match(state: State, options: Options) -> InferredNetwork:
    """PatchMatch alone."""
    first = tensor(state, "initial_layer.0.weight", f"{_TITLE}'s PatchMatch")
    arguments = {"features": first.shape[1] // 2, **_matching(options)}
    return InferredNetwork("asap_lightning.models.cocosnet.PatchMatch", arguments)


def _matching(options: Options) -> dict[str, Any]:
    return {
        "temperature": float(option(options, "temperature", default=0.01)),
        "iterations": int(option(options, "iteration_count", default=5)),
    }


def names(generator: CocosnetGenerator) -> NameMap:
    """Both files' layers."""
    pairs = [(f"translation.{ours}", theirs) for ours, theirs in _translation(generator.translation)]
    pairs += [
        (f"correspondence.{ours}", f"{CORRESPONDENCE}{theirs}")
        for ours, theirs in _correspondence(generator.correspondence)
    ]
    return NameMap(generator, pairs)


def translation_names(network: SpadeGenerator) -> NameMap:
    """As SPADE's; the convolution inside a SPADE follows its padding."""
    return NameMap(network, _translation(network))


def correspondence_names(network: CorrespondencePyramid) -> NameMap:
    """The condition's network is ``adaptive_model_seg``, the exemplar's ``adaptive_model_img``."""
    return NameMap(network, _correspondence(network))


def patch_match_names(network: PatchMatch) -> NameMap:
    """The recurrent network's parts."""
    return NameMap(network, _patch_match())


def _translation(network: SpadeGenerator) -> Pairs:
    pairs = [("from_condition", "fc"), ("to_image", "conv_img")]
    for ours, theirs in blocks(len(network.up)):
        pairs += _block(ours, theirs)
    return pairs


def _block(ours: str, theirs: str) -> Pairs:
    pairs = []
    for inner, outer in (("1", "0"), ("2", "1"), ("_shortcut", "s")):
        pairs.append((f"{ours}.conv{inner}", f"{theirs}.conv_{outer}"))
        for part, layer in (("shared.0", "mlp_shared.1"), ("gamma", "mlp_gamma"), ("beta", "mlp_beta")):
            pairs.append((f"{ours}.spade{inner}.{part}", f"{theirs}.norm_{outer}.{layer}"))
    return pairs


def _correspondence(network: CorrespondencePyramid) -> Pairs:
    pairs = _features(network.of_condition, "of_condition", "adaptive_model_seg")
    pairs += _features(network.of_exemplar, "of_exemplar", "adaptive_model_img")
    for level in range(LEVELS):
        pairs.append((f"project_condition.{level}", f"theta_{level}"))
        pairs.append((f"project_exemplar.{level}", f"phi_{level}"))
    return pairs + [(f"patch_match.{ours}", f"patch_match.{theirs}") for ours, theirs in _patch_match()]


def _features(network: MatchingFeatures, ours: str, theirs: str) -> Pairs:
    pairs = [(f"{ours}.convs.0", f"{theirs}.layer1.0")]
    for index in range(len(network.residual)):
        layer = f"{theirs}.layer{index + 2}"
        pairs.append((f"{ours}.convs.{index + 1}", f"{layer}.0.0"))
        for part, counterpart in (
            ("conv1", "model.1"),
            ("inner", "model.3"),
            ("conv2", "model.5"),
            ("outer", "relu"),
        ):
            pairs.append((f"{ours}.residual.{index}.{part}", f"{layer}.1.{counterpart}"))
    for index, block in enumerate(("head_0", "G_middle_0", "G_middle_1", "G_middle_2")):
        pairs += _block(f"{ours}.up.{index}", f"{theirs}.{block}")
    return pairs


def _patch_match() -> Pairs:
    pairs = [(f"refinement.begin.{index}", f"initial_layer.{index}") for index in (0, 3)]
    for part, first in (("of_shares", "convc"), ("of_offsets", "convf")):
        for index in (0, 1):
            theirs = f"refine_net.encoder.{first}{index + 1}"
            pairs.append((f"refinement.{part}.{2 * index}", theirs))
    pairs.append(("refinement.joined.0", "refine_net.encoder.conv"))
    for number, way in ((1, "across"), (2, "down")):
        for index, gate in enumerate("zrq"):
            pairs.append((f"refinement.gru.{way}.{index}", f"refine_net.gru.conv{gate}{number}"))
    for index in (0, 1):
        pairs.append((f"refinement.correct.{2 * index}", f"refine_net.flow_head.conv{index + 1}"))
    return pairs
