"""The discriminator of an authors' training, for a checkpoint that holds both networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import InferredNetwork, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.state_dicts import state_of, strangers_weights
from asap_lightning.interop.systems import ccfpse, multiscale, pix2pixhd
from asap_lightning.untrusted import load_torch

Judge = tuple[Callable[[State, Mapping[str, Any]], InferredNetwork], Callable[[Any], NameMap]]


def _infer_cocosnet(state: State, options: Mapping[str, Any]) -> InferredNetwork:
    """SPADE's with a padding of 1, which shows in no weight."""
    return multiscale.infer(state, {**options, "padding": 1})


JUDGES: dict[str, Judge] = {
    "asapnet": (multiscale.infer, multiscale.names),
    "ccfpse": (ccfpse.infer_discriminator, ccfpse.discriminator_names),
    "cocosnet": (_infer_cocosnet, multiscale.names),
    "pix2pixhd": (pix2pixhd.infer_discriminator, pix2pixhd.discriminator_names),
    "spade": (multiscale.infer, multiscale.names),
}
"""System -> settings of its discriminator from weights, and the name map of a built one."""


def read_judge(path: Path, system: str, spec: ConditionSpec) -> tuple[InferredNetwork, nn.Module]:
    """Reads an authors' discriminator.

    Args:
        path: their ``latest_net_D.pth`` or the like.
        system: the program that wrote it.
        spec: of the generator that was trained with it; it must see the same planes.

    Returns:
        Its description and the network with their weights, in evaluation mode.

    Raises:
        UserError: the system has none that can be read, or the file holds another network.
    """
    if system not in JUDGES:
        raise UserError(
            f"--discriminator {path}: that of --system {system} cannot be read; of {', '.join(JUDGES)} it can"
        )
    infer, names = JUDGES[system]
    state = state_of(load_torch(path, shells=True), path)
    with strangers_weights(path, f"a discriminator of --system {system}"):
        # the weights tell the number of planes alone; what they mean is known from the generator
        found = infer(state, {"one_hot": False})
        description = replace(found, spec=spec)
        network = description.sketch(state)
        names(network).load(
            network, state, str(path), f"it sees the generator's {spec.dense_channels} planes and an image"
        )
    return description, network
