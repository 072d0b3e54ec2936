"""Peers of `asap benchmark inference --peers`: any generator of ``conf/generator`` or ``conf/experiment``."""

from __future__ import annotations

from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from asap_lightning.benchmarking.cases import Case
from asap_lightning.building import build
from asap_lightning.configuration.assemble import generator_settings
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.resolvers import register_resolvers
from asap_lightning.configuration.suggest import did_you_mean
from asap_lightning.errors import UserError
from asap_lightning.models import Generator


def generator_node(name: str) -> dict[str, Any]:
    """The ``generator`` of an experiment or of the group of that name, as plain data.

    Raises:
        UserError: there is neither.
    """
    known = {group: sorted(path.stem for path in (conf_dir() / group).glob("*.yaml")) for group in (
        "experiment", "generator")}  # fmt: skip
    group = next((group for group, names in known.items() if name in names), None)
    if group is None:
        hint = did_you_mean(name, known["experiment"] + known["generator"])
        raise UserError(
            f"--peers {name}: there is no such experiment and no such generator.{hint} "
            f"Generators: {', '.join(known['generator'])}"
        )
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        node = OmegaConf.to_container(compose("train", [f"{group}={name}"]).generator, resolve=True)
    assert isinstance(node, dict)
    return {str(key): value for key, value in node.items()}


def sized_node(name: str, side: int) -> dict[str, Any]:
    """A generator of ``conf/generator`` for square images of a side: plain data and what follows."""
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", [f"generator={name}", f"data.height={side}", f"data.width={side}"])
    node: Any = OmegaConf.to_container(config.generator, resolve=True)
    return generator_settings(node, height=side)


def make_peer(name: str, case: Case, device: torch.device) -> Generator:
    """The peer at the case's size and for its conditions, with random weights.

    Raises:
        UserError: there is no such peer, or it cannot make images of that size.
    """
    node = generator_node(name)
    if str(node.get("_target_", "")).endswith(".AsapGenerator"):
        raise UserError(f"--peers {name}: is ASAP-Net itself, which is timed already")
    torch.manual_seed(0)
    network: Generator = build(node, "generator", f"--peers {name}", spec=case.spec)
    multiple = network.size_multiple
    if case.height % multiple or case.width % multiple:
        raise UserError(
            f"--peers {name}: makes images whose sides are multiples of {multiple}, "
            f"but {case.name} is {case.height} x {case.width}"
        )
    return network.eval().to(device)
