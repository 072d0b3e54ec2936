"""pix2pixHD (https://github.com/NVIDIA/pix2pixHD): its generators, feature encoder and discriminator."""

from __future__ import annotations

from typing import Any

from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems import resnet
from asap_lightning.interop.systems.common import condition_spec, indices, judged, norm_node, tensor
from asap_lightning.models import Pix2pixHDDiscriminator, Pix2pixHDGenerator
from asap_lightning.models.discriminators import PatchNetwork
from asap_lightning.models.pix2pixhd import InstanceEncoder
from asap_lightning.models.pix2pixhd.generator import LocalEnhancer

HINT = "settings that explain it: netG, n_local_enhancers, n_blocks_local, norm, feat_num"
_BLOCK = (1, 5)


def enhancer_count(state: State) -> int:
    """Number of local enhancers; 0 for the global generator alone."""
    return len(indices(state, r"model(\d+)_1\."))


def infer(state: State, options: Options, features: int = 0) -> InferredNetwork:
    """The generator's settings; ``features`` of its input channels are instance features."""
    enhancers = enhancer_count(state)
    layout = resnet.infer(state, "pix2pixHD", has_head=enhancers == 0)
    arguments: dict[str, Any] = {
        "width": layout.width // 2**enhancers,
        "downs": layout.downs,
        "blocks": layout.blocks,
        "enhancers": enhancers,
        "norm": norm_node(state, "model.2", has_bias=True),
        "bias": layout.bias,
    }
    if enhancers:
        inner = indices(state, r"model1_2\.(\d+)\.conv_block\.")
        arguments["enhancer_blocks"] = len(inner)
    spec = condition_spec(layout.inputs - features, options)
    return InferredNetwork("asap_lightning.models.Pix2pixHDGenerator", arguments, spec)


def names(generator: Pix2pixHDGenerator) -> NameMap:
    """The global generator is ``model``; enhancer n ``model{n}_1`` before, ``model{n}_2`` after the sum."""
    trunk = generator.coarse
    layout = resnet.Layout(
        prefix="model",
        inputs=0,
        width=0,
        downs=len(trunk.down),
        blocks=len(trunk.blocks),
        bias=True,
        convs=_BLOCK,
        head="",
    )
    pairs = resnet.trunk_pairs("coarse", "model", layout)
    last = f"model.{4 + 6 * layout.downs + layout.blocks + 1}"
    for index, enhancer in enumerate(generator.enhancers):
        assert isinstance(enhancer, LocalEnhancer)
        ours, before, after = f"enhancers.{index}", f"model{index + 1}_1", f"model{index + 1}_2"
        pairs += resnet.stage_pairs(f"{ours}.stem", before, 1)
        pairs += resnet.stage_pairs(f"{ours}.down", before, 4)
        blocks = len(enhancer.blocks)
        for block in range(blocks):
            pairs += resnet.block_pairs(f"{ours}.blocks.{block}", f"{after}.{block}", _BLOCK)
        pairs += resnet.stage_pairs(f"{ours}.up", after, blocks)
        last = f"{after}.{blocks + 4}"
    pairs.append(("head.conv", last))
    if generator.encoder is not None:
        pairs += [(f"encoder.{a}", f"net_E.{b}") for a, b in _encoder_pairs(generator.encoder)]
    if generator.clusters is not None:
        pairs.append(("clusters", "clusters"))
    return NameMap(generator, pairs)


def infer_encoder(state: State, options: Options) -> InferredNetwork:
    """The feature encoder's settings."""
    layout = resnet.infer(state, "pix2pixHD's feature encoder")
    arguments = {
        "features": state[f"{layout.head}.weight"].shape[0],
        "width": layout.width,
        "downs": layout.downs,
        "norm": norm_node(state, "model.2", has_bias=True),
    }
    return InferredNetwork("asap_lightning.models.pix2pixhd.InstanceEncoder", arguments)


def _encoder_pairs(encoder: InstanceEncoder) -> list[tuple[str, str]]:
    downs = len(encoder.trunk.down)
    layout = resnet.Layout("model", 0, 0, downs, 0, True, _BLOCK, f"model.{4 + 6 * downs + 1}")
    return [*resnet.trunk_pairs("trunk", "model", layout), ("head.conv", layout.head)]


def encoder_names(encoder: InstanceEncoder) -> NameMap:
    """As the global generator without residual blocks."""
    return NameMap(encoder, _encoder_pairs(encoder))


def infer_discriminator(state: State, options: Options) -> InferredNetwork:
    """The discriminator's settings."""
    first = tensor(state, "scale0_layer0.0.weight", "pix2pixHD's discriminator")
    spec, channels = judged(first.shape[1])
    layers = len(indices(state, r"scale0_layer(\d+)\.")) - 2
    arguments = {
        "scales": len(indices(state, r"scale(\d+)_layer")),
        "layers": layers,
        "width": first.shape[0],
        "norm": norm_node(state, "scale0_layer1.1", has_bias=True),
    }
    target = "asap_lightning.models.Pix2pixHDDiscriminator"
    return InferredNetwork(target, {**arguments, **channels}, spec)


def discriminator_names(discriminator: Pix2pixHDDiscriminator) -> NameMap:
    """Their last scale sees the full resolution, our first."""
    pairs = []
    scales = len(discriminator.scales)
    for index, scale in enumerate(discriminator.scales):
        assert isinstance(scale, PatchNetwork)
        for layer in range(len(scale.stages)):
            theirs = f"scale{scales - 1 - index}_layer{layer}"
            pairs.append((f"scales.{index}.stages.{layer}.conv", f"{theirs}.0"))
            pairs.append((f"scales.{index}.stages.{layer}.norm", f"{theirs}.1"))
    return NameMap(discriminator, pairs)
