"""pix2pix (https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix): its generators and discriminators."""

from __future__ import annotations

import re
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import InferredNetwork, Options, State, partial_node
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems import resnet
from asap_lightning.interop.systems.common import flag, image_spec, judged, norm_node, option, tensor
from asap_lightning.models import PatchGan, PixelGan, ResnetGenerator, UNetGenerator

HINT = "settings that explain it: netG, norm, no_dropout"


def infer(state: State, options: Options) -> InferredNetwork:
    """The settings of a U-Net or ResNet generator, whichever the names show."""
    if "model.model.0.weight" in state:
        return infer_unet(state, options)
    return infer_resnet(state, options)


def _paths(depth: int) -> list[str]:
    paths = ["model.model"]
    for level in range(1, depth):
        paths.append(f"{paths[-1]}.{1 if level == 1 else 3}.model")
    return paths


def infer_unet(state: State, options: Options) -> InferredNetwork:
    """Depth is the nesting of the names; dropout and the statistics at test time come from the options."""
    first = tensor(state, "model.model.0.weight", "a pix2pix U-Net")
    depth = 1
    path = "model.model.1.model"
    while f"{path}.1.weight" in state:
        depth, path = depth + 1, f"{path}.3.model"
    if depth < 2:
        raise UserError("this does not look like a pix2pix U-Net: it has no inner level")
    has_bias = "model.model.0.bias" in state
    norm = norm_node(state, _paths(depth)[-1] + ".4", has_bias=has_bias)
    evaluated = "eval" in str(option(options, "mode", default="")) or flag(options, "eval")
    if norm["_target_"] == "torch.nn.BatchNorm2d" and not evaluated:
        norm = partial_node("asap_lightning.models.layers.BatchStatisticsNorm2d")
    dropout = flag(options, "use_dropout", default=not flag(options, "no_dropout"))
    arguments: dict[str, Any] = {
        "depth": depth,
        "width": first.shape[0],
        "norm": norm,
        "bias": has_bias,
        "dropout": 0.5 if dropout else 0.0,
        "noise_at_test": not evaluated,
    }
    return InferredNetwork("asap_lightning.models.UNetGenerator", arguments, image_spec(first.shape[1]))


def unet_names(generator: UNetGenerator) -> NameMap:
    """Their U-Net nests level in level."""
    depth = len(generator.network.down)
    pairs = []
    for level, path in enumerate(_paths(depth)):
        outermost, innermost = level == 0, level == depth - 1
        down, norm, up = (0, None, 3) if outermost else (1, None, 3) if innermost else (1, 2, 5)
        pairs.append((f"network.down.{level}.conv", f"{path}.{down}"))
        pairs.append((f"network.up.{level}.conv", f"{path}.{up}"))
        if norm is not None:
            pairs.append((f"network.down.{level}.norm", f"{path}.{norm}"))
        if not outermost:
            pairs.append((f"network.up.{level}.norm", f"{path}.{up + 1}"))
    return NameMap(generator, pairs)


def infer_resnet(state: State, options: Options) -> InferredNetwork:
    """The ResNet generator's settings."""
    layout = resnet.infer(state, "a pix2pix ResNet generator")
    padding = str(option(options, "padding_type", default="reflect"))
    arguments = {
        "width": layout.width,
        "blocks": layout.blocks,
        "downs": layout.downs,
        "norm": layout.norm(state),
        "bias": layout.bias,
        "dropout": 0.5 if layout.dropout else 0.0,
        "padding": padding if layout.padding == "reflect" else layout.padding,
    }
    return InferredNetwork("asap_lightning.models.ResnetGenerator", arguments, image_spec(layout.inputs))


def resnet_names(generator: ResnetGenerator, state: State) -> NameMap:
    """As pix2pixHD's; the block's numbering depends on padding and dropout."""
    layout = resnet.infer(state, "a pix2pix ResNet generator")
    return NameMap(generator, [*resnet.trunk_pairs("trunk", "model", layout), ("head.conv", layout.head)])


def names(generator: UNetGenerator | ResnetGenerator, state: State) -> NameMap:
    """The names of either generator."""
    if isinstance(generator, UNetGenerator):
        return unet_names(generator)
    return resnet_names(generator, state)


def infer_patchgan(state: State, options: Options) -> InferredNetwork:
    """A PatchGAN's settings: the number of convolutions tells its receptive field."""
    first = tensor(state, "model.0.weight", "a pix2pix PatchGAN")
    spec, channels = judged(first.shape[1])
    convs = [name for name in state if re.fullmatch(r"model\.\d+\.weight", name) and state[name].dim() == 4]
    has_bias = "model.2.bias" in state
    arguments = {
        "layers": len(convs) - 2,
        "width": first.shape[0],
        "norm": norm_node(state, "model.3", has_bias=has_bias),
        "bias": has_bias,
    }
    return InferredNetwork("asap_lightning.models.PatchGan", {**arguments, **channels}, spec)


def patchgan_names(discriminator: PatchGan) -> NameMap:
    """Convolution, norm and activation are numbered one by one; the first convolution has no norm."""
    pairs = [("network.stages.0.conv", "model.0")]
    last = len(discriminator.network.stages) - 1
    for index in range(1, last + 1):
        pairs.append((f"network.stages.{index}.conv", f"model.{3 * index - 1}"))
        pairs.append((f"network.stages.{index}.norm", f"model.{3 * index}"))
    return NameMap(discriminator, pairs)


def infer_pixelgan(state: State, options: Options) -> InferredNetwork:
    """A PixelGAN's settings."""
    first = tensor(state, "net.0.weight", "a pix2pix PixelGAN")
    spec, channels = judged(first.shape[1])
    has_bias = "net.2.bias" in state
    arguments = {
        "width": first.shape[0],
        "norm": norm_node(state, "net.3", has_bias=has_bias),
        "bias": has_bias,
    }
    return InferredNetwork("asap_lightning.models.PixelGan", {**arguments, **channels}, spec)


def pixelgan_names(discriminator: PixelGan) -> NameMap:
    """Three convolutions and one norm."""
    pairs = [("conv1", "net.0"), ("conv2", "net.2"), ("norm2", "net.3"), ("conv3", "net.5")]
    return NameMap(discriminator, pairs)
