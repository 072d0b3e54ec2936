"""CC-FPSE (https://github.com/xh-liu/CC-FPSE): settings and names of its generator."""

from __future__ import annotations

from typing import Any

from asap_lightning.interop.inferred import InferredNetwork, Options, State, partial_node
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import condition_spec, indices, option, param_free_norm, tensor
from asap_lightning.interop.systems.spade import blocks, spade_pairs
from asap_lightning.models import CcFpseGenerator, FpseDiscriminator

HINT = "settings that explain it: num_upsampling_layers, norm_G"

# Norms that its program builds and never calls.
UNUSED = (r"\.conv_[02]\.norm_layer\.", r"\.norm_0\.")
_DOUBLINGS_TO_NAME = {5: "normal", 6: "more", 7: "most"}


def infer(state: State, options: Options) -> InferredNetwork:
    """The generator's settings; the pyramid's height tells the upsampling."""
    tensor(
        state,
        "labelenc1.0.0.weight_orig" if "labelenc1.0.0.weight_orig" in state else "labelenc1.0.0.weight",
        "CC-FPSE",
    )
    levels = len(indices(state, r"labelenc(\d+)\."))
    upsampling = _DOUBLINGS_TO_NAME.get(levels - 1) or str(option(options, "num_upsampling_layers"))
    channels = tensor(state, "fc.weight", "CC-FPSE").shape[1]
    last = tensor(state, "conv_img.weight", "CC-FPSE").shape[1]
    arguments: dict[str, Any] = {
        "width": last * (2 if upsampling == "most" else 1),
        "upsampling": upsampling,
        "shortcut_norm": param_free_norm(state, "up_0.norm_s.param_free_norm"),
    }
    for key, layer in (("norm", "head_0.norm_1"), ("pyramid_norm", "labelenc1.0.1")):
        affine = f"{layer}.weight" in state
        arguments[key] = partial_node("torch.nn.BatchNorm2d" if affine else "torch.nn.InstanceNorm2d")
    if "up_0.conv_s.weight_orig" not in state:
        arguments["weight_norm"] = partial_node("asap_lightning.models.layers.unchanged")
    return InferredNetwork(
        "asap_lightning.models.CcFpseGenerator", arguments, condition_spec(channels, options)
    )


def names(generator: CcFpseGenerator) -> NameMap:
    """The pyramid's lateral and smoothing layers are numbered from the coarsest level on."""
    pairs = [("from_condition", "fc"), ("to_image", "conv_img")]
    for ours, theirs in (("down", "enc"), ("lateral", "lat"), ("smooth", "dec")):
        for index in range(len(getattr(generator.pyramid, ours))):
            layer, counterpart = f"pyramid.{ours}.{index}", f"label{theirs}{index + 1}.0"
            pairs += [(f"{layer}.conv", f"{counterpart}.0"), (f"{layer}.norm", f"{counterpart}.1")]
    for ours, theirs in blocks(len(generator.up)):
        for number, (norm, mix) in ((1, ("norm_1", "conv_1")), (2, ("norm_2", "conv_3"))):
            stage = f"{ours}.stage{number}"
            pairs += [(f"{stage}.norm", f"{theirs}.{norm}"), (f"{stage}.mix", f"{theirs}.{mix}")]
            for part, predictor in (("weights", "gen_weights"), ("gate", "gen_se_weights")):
                pairs += [(f"{stage}.{part}.{i}", f"{theirs}.{predictor}{number}.{i}") for i in (0, 2)]
        pairs.append((f"{ours}.conv_shortcut", f"{theirs}.conv_s"))
        pairs += spade_pairs(f"{ours}.spade_shortcut", f"{theirs}.norm_s")
    return NameMap(generator, pairs, unused=UNUSED)


def infer_discriminator(state: State, options: Options) -> InferredNetwork:
    """The discriminator's settings; the label embedding says how many planes it sees, edges among them."""
    first = tensor(state, "enc1.0.0.weight_orig", "CC-FPSE's discriminator")
    channels = tensor(state, "embedding.weight", "CC-FPSE's discriminator").shape[1]
    return InferredNetwork(
        "asap_lightning.models.FpseDiscriminator",
        {"width": first.shape[0]},
        condition_spec(channels, options),
    )


def discriminator_names(judge: FpseDiscriminator) -> NameMap:
    """Bottom-up layers are numbered from 1, laterals and final layers by the level that they see."""
    pairs = [(f"down.{index}.0", f"enc{index + 1}.0.0") for index in range(len(judge.down))]
    pairs += [(f"lateral.{index}.0", f"lat{index + 2}.0.0") for index in range(len(judge.lateral))]
    pairs += [(f"smooth.{index}.0", f"final{index + 2}.0.0") for index in range(len(judge.smooth))]
    pairs += [("real_or_fake", "tf"), ("semantics", "seg"), ("embedding", "embedding")]
    return NameMap(judge, pairs)
