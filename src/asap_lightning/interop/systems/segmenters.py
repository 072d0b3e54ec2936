"""The segmenters that papers score images with: settings and names of their published weights.

DRN (https://github.com/fyu/drn), DeepLab v2 (https://github.com/kazuto1011/deeplab-pytorch), UPerNet
(https://github.com/CSAILVision/semantic-segmentation-pytorch; two files, joined under ``encoder.`` and
``decoder.``) and the Caffe model of pix2pix's FCN score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import indices, tensor
from asap_lightning.models.segmenters import DeepLabV2, DilatedResnet, Fcn8s, UPerNet
from asap_lightning.models.segmenters.fcn import VGG16
from asap_lightning.untrusted.caffe import CaffeLayer
from asap_lightning.untrusted.text import printable

DRN, DEEPLAB, UPERNET, FCN = "a DRN segmenter", "a DeepLab v2", "a UPerNet", "an FCN-8s"
_HOME = "asap_lightning.models.segmenters"
# Statistics of the synchronized batch norm in CSAIL's program, and ImageNet's classes, both without effect.
_UPERNET_UNUSED = (r"\._tmp_running_(mean|var)$", r"\._running_iter$", r"^encoder\.fc\.")

Pairs = list[tuple[str, str]]
Layers = tuple[str, str]


_PARTS = ("conv", "norm")
_DOWNSAMPLE = ("downsample.0", "downsample.1")


def _unit(ours: str, theirs: str, layers: Layers) -> Pairs:
    """A convolution and its norm."""
    return [(f"{ours}.{part}", f"{theirs}.{layer}") for part, layer in zip(_PARTS, layers, strict=True)]


def _residual_pairs(ours: str, theirs: str, body: Sequence[Layers], shortcut: Layers) -> Pairs:
    """The layers of one residual unit."""
    pairs = _unit(f"{ours}.shortcut", theirs, shortcut)
    for place, layers in enumerate(body):
        pairs += _unit(f"{ours}.body.{place}", theirs, layers)
    return pairs


def _numbered(count: int) -> list[Layers]:
    return [(f"conv{i}", f"bn{i}") for i in range(1, count + 1)]


def _stage_pairs(network: nn.Sequential, ours: str, theirs: str) -> Pairs:
    """A stage of torchvision-like blocks: ``THEIRS.INDEX.conv1``, ``.bn1``, .."""
    pairs = []
    for index, block in enumerate(network):
        body = _numbered(len(block.body))  # type: ignore[arg-type]
        pairs += _residual_pairs(f"{ours}.{index}", f"{theirs}.{index}", body, _DOWNSAMPLE)
    return pairs


def infer_drn(state: State, options: Options) -> InferredNetwork:
    """Kind and number of blocks, widths and classes of a DRN."""
    stages = indices(state, r"base\.(\d+)\.")
    residual = [f"base.{stage}.0.conv1.weight" in state for stage in stages]
    bottleneck = any(name.endswith(".0.conv3.weight") for name in state)
    depths, widths = [], []
    for stage, has_blocks in zip(stages, residual, strict=True):
        found = indices(state, rf"base\.{stage}\.(\d+)\.")
        depths.append(len(found) if has_blocks else len(found) // 2)
        first = f"base.{stage}.0.conv1.weight" if has_blocks else f"base.{stage}.0.weight"
        widths.append(int(tensor(state, first, DRN).shape[0]))
    classes = int(tensor(state, "seg.weight", DRN).shape[0])
    return InferredNetwork(
        f"{_HOME}.DilatedResnet",
        {"classes": classes, "depths": depths, "widths": widths, "bottleneck": bottleneck},
    )


def drn_names(network: DilatedResnet) -> NameMap:
    """``base`` holds the stages, ``seg`` the classes, ``up`` the fixed upsampling."""
    pairs: Pairs = [("head", "seg"), ("up", "up")]
    for index, stage in enumerate(network.stages):
        assert isinstance(stage, nn.Sequential)
        if hasattr(stage[0], "body"):
            pairs += _stage_pairs(stage, f"stages.{index}", f"base.{index}")
        else:
            for place in range(len(stage)):
                layers = (str(3 * place), str(3 * place + 1))
                pairs += _unit(f"stages.{index}.{place}", f"base.{index}", layers)
    return NameMap(network, pairs)


def infer_deeplab(state: State, options: Options) -> InferredNetwork:
    """Blocks, width and classes of a DeepLab v2; rates and scales are no weights and are the published ones.

    Options: ``atrous_rates``, ``scales``.
    """
    stem = tensor(state, "base.layer1.conv1.conv.weight", DEEPLAB)
    arguments: dict[str, Any] = {
        "classes": int(tensor(state, "base.aspp.c0.weight", DEEPLAB).shape[0]),
        "blocks": [len(indices(state, rf"base\.layer{stage}\.block(\d+)\.")) for stage in range(2, 6)],
        "width": int(stem.shape[0]),
    }
    for ours, theirs in (("rates", "atrous_rates"), ("scales", "scales")):
        if theirs in options:
            arguments[ours] = list(options[theirs])
    return InferredNetwork(f"{_HOME}.DeepLabV2", arguments)


def deeplab_names(network: DeepLabV2) -> NameMap:
    """``base.layer1`` is the stem, 2 to 5 the stages, ``aspp`` the heads."""
    pairs = _unit("stem", "base.layer1.conv1", ("conv", "bn"))
    pairs += [(f"heads.{i}", f"base.aspp.c{i}") for i in range(len(network.heads))]
    body = [(f"{name}.conv", f"{name}.bn") for name in ("reduce", "conv3x3", "increase")]
    for stage, blocks in enumerate(network.stages):
        for index in range(len(blocks)):  # type: ignore[arg-type]
            pairs += _residual_pairs(
                f"stages.{stage}.{index}",
                f"base.layer{stage + 2}.block{index + 1}",
                body,
                ("shortcut.conv", "shortcut.bn"),
            )
    return NameMap(network, pairs)


def infer_upernet(state: State, options: Options) -> InferredNetwork:
    """Blocks, widths and classes of a UPerNet; the grids' sides are no weights and are the published ones.

    Options: ``pool_scales``.
    """
    arguments: dict[str, Any] = {
        "classes": int(tensor(state, "decoder.conv_last.1.weight", UPERNET).shape[0]),
        "blocks": [len(indices(state, rf"encoder\.layer{stage}\.(\d+)\.")) for stage in range(1, 5)],
        "width": int(tensor(state, "encoder.conv1.weight", UPERNET).shape[0]),
        "pyramid": int(tensor(state, "decoder.ppm_last_conv.0.weight", UPERNET).shape[0]),
    }
    if "pool_scales" in options:
        arguments["pools"] = list(options["pool_scales"])
    return InferredNetwork(f"{_HOME}.UPerNet", arguments)


def upernet_names(network: UPerNet) -> NameMap:
    """The encoder is a ResNet with three stem layers; ``ppm`` pools, ``fpn`` is the pyramid."""
    pairs: Pairs = [("head", "decoder.conv_last.1")]
    for index in range(3):
        pairs += _unit(f"encoder.stem.{index}", "encoder", (f"conv{index + 1}", f"bn{index + 1}"))
    units = [("bottom", "ppm_last_conv"), ("join", "conv_last.0")]
    units += [(f"pooled.{i}", f"ppm_conv.{i}") for i in range(len(network.pooled))]
    units += [(f"lateral.{i}", f"fpn_in.{i}") for i in range(len(network.lateral))]
    units += [(f"smooth.{i}", f"fpn_out.{i}.0") for i in range(len(network.smooth))]
    for ours, theirs in units:
        pairs += _unit(ours, f"decoder.{theirs}", ("0", "1"))
    for index, stage in enumerate(network.encoder.stages):
        assert isinstance(stage, nn.Sequential)
        pairs += _stage_pairs(stage, f"encoder.stages.{index}", f"encoder.layer{index + 1}")
    return NameMap(network, pairs, unused=_UPERNET_UNUSED)


def infer_fcn(layers: Sequence[CaffeLayer]) -> InferredNetwork:
    """Classes and channels of an FCN-8s, from its last upsampling and its fully connected layers.

    Raises:
        UserError: there are no such layers.
    """
    weights = [layer.blobs[0] for layer in layers]
    last = next((weight for weight in weights if weight.shape[-2:] == (16, 16)), None)
    dense = next((weight for weight in weights if weight.shape[-2:] == (7, 7)), None)
    convolutions = [int(weight.shape[0]) for weight in weights if weight.shape[-2:] == (3, 3)]
    counts = [count for _, count in VGG16]
    if last is None or dense is None or len(convolutions) != sum(counts):
        shown = ", ".join(layer.name for layer in layers[:6])
        raise UserError(f"this does not look like {FCN}: its layers begin {printable(shown, 200)}")
    ends = [sum(counts[: stage + 1]) - 1 for stage in range(len(counts))]
    stages = [[convolutions[end], count] for end, count in zip(ends, counts, strict=True)]
    arguments = {"classes": int(last.shape[0]), "stages": stages, "hidden": int(dense.shape[0])}
    return InferredNetwork(f"{_HOME}.Fcn8s", arguments)


def fcn_state(network: Fcn8s, layers: Sequence[CaffeLayer]) -> dict[str, Tensor]:
    """The weights of Caffe's layers under our names: layers of one shape follow each other in both.

    Raises:
        UserError: a layer is missing, or one is left over.
    """
    state: dict[str, Tensor] = {}
    left = list(layers)
    wanted = network.state_dict()
    for name in _in_order(network):
        shape = wanted[f"{name}.weight"].shape
        layer = next((one for one in left if one.blobs[0].shape == shape), None)
        if layer is None:
            raise UserError(f"it has no layer left with weights of the shape {tuple(shape)}, as {FCN} needs")
        left.remove(layer)
        state[f"{name}.weight"] = layer.blobs[0]
        if f"{name}.bias" in wanted:
            if len(layer.blobs) < 2:
                raise UserError(f"its layer '{printable(layer.name, 80)}' has no bias, as {FCN} needs")
            state[f"{name}.bias"] = layer.blobs[1].flatten()
    if left:
        shown = printable(", ".join(layer.name for layer in left[:6]), 200)
        raise UserError(f"it has layers that {FCN} has not: {shown}")
    return state


def _in_order(network: Fcn8s) -> list[str]:
    """Our layers in the order of the computation, which is the order in a Caffe file."""
    convolutions = [name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)]
    trunk = [name for name in convolutions if name.startswith(("stages.", "dense."))]
    return [*trunk, "score", "up", "score4", "up4", "score3", "up3"]
