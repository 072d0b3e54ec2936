"""The programs whose generators `convert` knows: how each is recognised, described and renamed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import InferredNetwork, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems import asapnet, ccfpse, cocosnet, crn, hdrnet, pix2pix, pix2pixhd, spade


@dataclass(frozen=True)
class System:
    """How the generators of one program are recognised, described and renamed.

    Attributes:
        title: its name for people.
        infer: settings from weights and options.
        names: the name map of a built generator, given the weights.
        marks: patterns of names that its weights have.
        hint: the options that usually explain missing or extra names.
        variables: of programs in TensorFlow: which variables are a generator's, and those in torch's layout.
    """

    title: str
    infer: Callable[[State, Mapping[str, Any]], InferredNetwork]
    names: Callable[[Any, State], NameMap]
    marks: tuple[str, ...]
    hint: str
    variables: tuple[Callable[[str], bool], Callable[[State], dict[str, Tensor]]] | None = None


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
    "hdrnet": System(
        "HDRNet",
        hdrnet.infer,
        lambda g, _: hdrnet.names(g),
        (r"^splat\.conv1\.weight$", r"^prediction\.conv1\.weight$"),
        hdrnet.HINT,
        (hdrnet.belongs, hdrnet.generator_state),
    ),
    "crn": System(
        "CRN",
        crn.infer,
        crn.names,
        (r"^g_\d+_conv1\.weight$", r"^g_\d+_conv100\.weight$"),
        crn.HINT,
        (crn.belongs, crn.generator_state),
    ),
}


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


def in_tensorflow() -> str:
    """The programs in TensorFlow whose checkpoints are converted."""
    return " and ".join(f"{one.title} (--system {key})" for key, one in SYSTEMS.items() if one.variables)
