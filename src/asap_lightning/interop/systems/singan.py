"""SinGAN (https://github.com/tamarott/SinGAN): generator and discriminator of one scale."""

from __future__ import annotations

from typing import Any

from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import indices, option, tensor
from asap_lightning.singan.networks import ScaleDiscriminator, ScaleGenerator


def _arguments(state: State, options: Options) -> dict[str, Any]:
    first = tensor(state, "head.conv.weight", "a SinGAN network")
    body = indices(state, r"body\.block(\d+)\.")
    widths = [first.shape[0], *(state[f"body.block{i}.conv.weight"].shape[0] for i in body)]
    return {
        "width": widths[0],
        "min_width": min(widths),
        "layers": len(body) + 2,
        "kernel": first.shape[-1],
        "padding": int(option(options, "padd_size", "padding", default=0)),
        "channels": first.shape[1],
    }


def infer_generator(state: State, options: Options) -> InferredNetwork:
    """One scale's generator."""
    return InferredNetwork("asap_lightning.singan.networks.ScaleGenerator", _arguments(state, options))


def infer_discriminator(state: State, options: Options) -> InferredNetwork:
    """One scale's discriminator."""
    return InferredNetwork("asap_lightning.singan.networks.ScaleDiscriminator", _arguments(state, options))


def names(network: ScaleGenerator | ScaleDiscriminator) -> NameMap:
    """``head``, ``body.block1`` and so on, ``tail``; the generator's tail has its tanh beside it."""
    pairs = []
    for index in range(len(network.network.blocks)):
        theirs = "head" if index == 0 else f"body.block{index}"
        pairs += [(f"network.blocks.{index}.{part}", f"{theirs}.{part}") for part in ("conv", "norm")]
    tail = "tail.0" if isinstance(network, ScaleGenerator) else "tail"
    pairs.append(("network.last", tail))
    return NameMap(network, pairs)
