"""``asap import convert``: from an authors' checkpoint file to one of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.options import in_our_words, options_beside, read_options
from asap_lightning.interop.state_dicts import state_of, strangers_weights
from asap_lightning.interop.systems import asapnet, ccfpse, cocosnet, pix2pix, pix2pixhd, spade
from asap_lightning.untrusted import load_torch


@dataclass(frozen=True)
class System:
    """How the generators of one program are recognised, described and renamed.

    Attributes:
        title: its name for people.
        infer: settings from weights and options.
        names: the name map of a built generator, given the weights.
        marks: patterns of names that its weights have.
        hint: the options that usually explain missing or extra names.
    """

    title: str
    infer: Callable[[State, Mapping[str, Any]], InferredNetwork]
    names: Callable[[Any, State], NameMap]
    marks: tuple[str, ...]
    hint: str


SYSTEMS: dict[str, System] = {
    "asapnet": System(
        "ASAP-Net", asapnet.infer, lambda g, _: asapnet.names(g), (r"^lowres_stream\.model\.",), asapnet.HINT
    ),
    "ccfpse": System(
        "CC-FPSE",
        ccfpse.infer,
        lambda g, _: ccfpse.names(g),
        (r"^labelenc1\.", r"^head_0\.gen_weights1\."),
        ccfpse.HINT,
    ),
    "spade": System(
        "SPADE",
        spade.infer,
        lambda g, _: spade.names(g),
        (r"^head_0\.norm_0\.mlp_shared\.0\.", r"^conv_img\."),
        spade.HINT,
    ),
    "cocosnet": System(
        "CoCosNet v2",
        cocosnet.infer,
        lambda g, _: cocosnet.names(g),
        (r"^head_0\.norm_0\.mlp_shared\.1\.", r"^conv_img\."),
        cocosnet.HINT,
    ),
    "pix2pixhd": System(
        "pix2pixHD",
        pix2pixhd.infer,
        lambda g, _: pix2pixhd.names(g),
        (r"^model\.1\.weight$", r"^model\.\d+\.(conv_block\.|weight$)"),
        pix2pixhd.HINT,
    ),
    "pix2pix": System(
        "pix2pix",
        pix2pix.infer,
        pix2pix.names,
        (r"^model\.model\.0\.weight$|^model\.1\.weight$", r"^model\."),
        pix2pix.HINT,
    ),
}
SINGAN = "singan"

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


def look_alikes(state: State) -> list[str]:
    """The systems whose every mark appears among the names."""
    names = list(state)
    return [
        key
        for key, system in SYSTEMS.items()
        if all(any(re.search(mark, name) for name in names) for mark in system.marks)
    ]


def check_system(state: State, system: str, path: Path) -> None:
    """Raises UserError, naming the system that the weights look like, if they are not of ``system``."""
    alike = look_alikes(state)
    if system in alike:
        return
    shown = ", ".join(list(state)[:4])
    if alike:
        guess = " or ".join(f"{SYSTEMS[key].title} (--system {key})" for key in alike)
        raise UserError(f"{path} is not a {SYSTEMS[system].title} generator: it looks like {guess}")
    if any(name.startswith(("discriminator_", "scale0_layer", "layer1.0", "fc_mu")) for name in state):
        raise UserError(f"{path} is a discriminator or an encoder, not a generator (names: {shown}, ..)")
    raise UserError(f"{path} is not a {SYSTEMS[system].title} generator; its names begin {shown}")


def read_checkpoint_state(path: Path) -> dict[str, Tensor]:
    """The weights in an authors' file."""
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
    state = read_checkpoint_state(path)
    check_system(state, system, path)
    notes: list[str] = []
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
