"""``asap import convert``: from an authors' checkpoint file to one of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asap_lightning.checkpoint import ENTRY, ModelDescription
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.interop.inferred import InferredNetwork, State
from asap_lightning.interop.judges import read_judge
from asap_lightning.interop.known_systems import SYSTEMS, check_system, in_tensorflow
from asap_lightning.interop.options import in_our_words, options_beside, read_options
from asap_lightning.interop.state_dicts import state_of, strangers_weights
from asap_lightning.interop.systems import cocosnet, pix2pixhd, spade
from asap_lightning.interop.tensorflow_states import read_variables
from asap_lightning.untrusted import is_tensorflow, load_torch

# Numbers of input channels that published models have: classes, unknown class, edges, doublings.
KNOWN = {
    36: ("Cityscapes", {"label_nc": 35, "contain_dontcare_label": False, "instance_edges": True}),
    151: ("ADE20K", {"label_nc": 150, "contain_dontcare_label": True, "instance_edges": False}),
    184: ("COCO-Stuff", {"label_nc": 182, "contain_dontcare_label": True, "instance_edges": True}),
}


@dataclass
class Conversion:
    """What was read and assumed.

    Attributes:
        network: the generator with their weights, in evaluation mode.
        description: its settings.
        notes: lines for people: files that were used, assumptions.
        judge: settings and network of the discriminator, where one was given.
    """

    network: nn.Module
    description: InferredNetwork
    notes: list[str] = field(default_factory=list)
    judge: tuple[InferredNetwork, nn.Module] | None = None


def read_checkpoint_state(path: Path) -> dict[str, Tensor]:
    """The weights in an authors' file of PyTorch."""
    if is_tensorflow(path):
        raise UserError(f"{path} is a checkpoint of TensorFlow; those of {in_tensorflow()} are converted")
    return state_of(load_torch(path, shells=True), path)


def convert_generator(
    path: Path,
    system: str,
    *,
    options: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    encoder: Path | None = None,
    discriminator: Path | None = None,
) -> Conversion:
    """Reads an authors' generator, and the discriminator of its training if that is given.

    Args:
        path: their ``latest_net_G.pth`` or the like.
        system: a key of `SYSTEMS`.
        options: their option file; None looks beside the checkpoint.
        settings: single options, which win over the file.
        encoder: weights of the style or feature encoder, or of CoCosNet's correspondence network; None looks
            for ``*_net_E.pth`` or ``*_net_Corr.pth`` beside.
        discriminator: their ``latest_net_D.pth`` or the like; None goes without.

    Raises:
        UserError: of another system, not readable, incomplete, or leaving a setting open.
    """
    notes: list[str] = []
    state = _read_state(path, system, notes)
    check_system(state, system, path)
    if system == "cocosnet":
        state = _with_correspondence(path, state, encoder, notes)
    with strangers_weights(path, f"a {SYSTEMS[system].title} generator"):
        known = _gather_options(path, system, options, settings or {}, state, notes)
        description = SYSTEMS[system].infer(state, known)
        if system == "pix2pixhd" and known.get("instance_feat"):
            features = int(known.get("feat_num", 3))
            description = pix2pixhd.infer(state, known, features)
            description.arguments["features"] = features
        if system != "cocosnet":
            description, state = _with_encoder(path, system, description, state, encoder, notes)
        network = description.sketch(state)
        SYSTEMS[system].names(network, state).load(network, state, str(path), SYSTEMS[system].hint)
    judge = None
    if discriminator is not None:
        if description.spec is None:
            raise ValueError("a generator's description has a spec")
        judge = read_judge(discriminator, system, description.spec)
        notes.append(f"discriminator from {discriminator}")
    return Conversion(network, description, notes, judge)


def _read_state(path: Path, system: str, notes: list[str]) -> dict[str, Tensor]:
    variables = SYSTEMS[system].variables
    if variables is None:
        return read_checkpoint_state(path)
    belongs, in_torch_layout = variables
    title = f"{SYSTEMS[system].title} generator"
    found = read_variables(path, belongs, title, notes)
    with strangers_weights(path, f"a {title}"):
        return in_torch_layout(found)


def _gather_options(
    path: Path, system: str, options: Path | None, settings: Mapping[str, Any], state: State, notes: list[str]
) -> dict[str, Any]:
    found = options if options is not None else options_beside(path)
    known: dict[str, Any] = {}
    if found is not None:
        known = read_options(found)
        notes.append(f"options from {found}")
    known = {**in_our_words(known, system), **in_our_words(dict(settings), system)}
    channels = _label_channels(state, system)
    said = {"label_nc", "contain_dontcare_label", "instance_edges", "one_hot"} & known.keys()
    if not said and channels in KNOWN and system != "asapnet":
        name, assumed = KNOWN[channels]
        known |= assumed
        notes.append(
            f"assumed {name} from its {channels} input channels; if that is wrong, give label_nc, "
            "contain_dontcare_label and instance_edges"
        )
    if upsampling_is_open(state, system, known) and channels == 36:
        known["upsampling"] = "more"
        notes.append("assumed upsampling=more, as for Cityscapes")
    return known


def upsampling_is_open(state: State, system: str, known: Mapping[str, Any]) -> bool:
    """Whether SPADE's upsampling is neither given nor visible in the weights."""
    given = {"upsampling", "num_upsampling_layers"} & known.keys()
    return system == "spade" and not given and not any(name.startswith("up_4.") for name in state)


def _label_channels(state: State, system: str) -> int:
    names = {
        "spade": "head_0.norm_0.mlp_shared.0.weight",
        "ccfpse": "fc.weight",
        "pix2pixhd": "model.1.weight",
    }
    weight = state.get(names.get(system, ""))
    return 0 if weight is None else int(weight.shape[1])


def _with_correspondence(
    path: Path, state: State, encoder: Path | None, notes: list[str]
) -> dict[str, Tensor]:
    """Adds the weights of CoCosNet's other file (``net_Corr.`` before their names)."""
    other = encoder or path.with_name(path.name.replace("net_G", "net_Corr"))
    if other == path or not other.is_file():
        raise UserError(
            f"{path} is CoCosNet's translation network alone; give its correspondence network, too: "
            "--encoder *_net_Corr.pth"
        )
    notes.append(f"correspondence network from {other}")
    found = read_checkpoint_state(other)
    return {**state, **{f"{cocosnet.CORRESPONDENCE}{name}": value for name, value in found.items()}}


def _with_encoder(
    path: Path,
    system: str,
    description: InferredNetwork,
    state: State,
    encoder: Path | None,
    notes: list[str],
) -> tuple[InferredNetwork, dict[str, Tensor]]:
    """Adds the encoder's weights (``net_E.`` before their names) where the generator takes a style."""
    features = bool(description.arguments.get("features"))
    wants = (system == "spade" and "style" in description.arguments) or features
    if not wants:
        if encoder is not None:
            raise UserError(f"{path} takes no style: an encoder ({encoder}) has no place in it")
        return description, dict(state)
    if encoder is None:
        beside = sorted(path.parent.glob(path.name.replace("net_G", "net_E")))
        encoder = next((candidate for candidate in beside if candidate != path), None)
    if encoder is None:
        if features:
            raise UserError(f"{path} takes instance features; give --encoder *_net_E.pth")
        notes.append("no encoder was found beside (net_E): styles can be drawn but not taken from images")
        return description, dict(state)
    weights = read_checkpoint_state(encoder)
    notes.append(f"encoder from {encoder}")
    joined = {**state, **{f"net_E.{name}": tensor for name, tensor in weights.items()}}
    if system == "spade":
        description = spade.with_encoder(description, weights)
    else:
        inner = pix2pixhd.infer_encoder(weights, {}).arguments
        description.arguments["encoder_width"] = inner["width"]
        description.arguments["encoder_downs"] = inner["downs"]
        clusters = int(description.arguments.setdefault("clusters", 10))
        classes = description.spec.label_channels if description.spec is not None else 0
        if classes:
            joined["clusters.centres"] = torch.zeros(classes, clusters, inner["features"])
            joined["clusters.counts"] = torch.zeros(classes, dtype=torch.long)
    return description, joined


def write_checkpoint(conversion: Conversion, out: Path, source: Path, system: str) -> None:
    """Writes a checkpoint that prediction, evaluation and export take like a trained one."""
    spec = conversion.description.spec
    if not isinstance(spec, ConditionSpec):
        raise ValueError("a generator's description has a spec")
    entry = ModelDescription(
        spec=spec.as_dict(),
        generator=conversion.description.node(),
        discriminator=None if conversion.judge is None else conversion.judge[0].node(),
        config={"imported": {"system": system, "file": source.name}},
    )
    state = {f"generator.{name}": tensor for name, tensor in conversion.network.state_dict().items()}
    if conversion.judge is not None:
        judge = conversion.judge[1].state_dict()
        state |= {f"discriminator.{name}": tensor for name, tensor in judge.items()}
    checkpoint = {"state_dict": state, ENTRY: entry.as_dict(), "epoch": 0, "global_step": 0}
    with atomic_write(out) as file:
        torch.save(checkpoint, file)
