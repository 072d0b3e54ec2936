"""From a composed configuration to built parts: the only place where both are seen."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.loggers import Logger
from torch import nn

from asap_lightning.building import check
from asap_lightning.condition import NO_CANVAS, ConditionSpec
from asap_lightning.configuration.evaluation import make_periodic
from asap_lightning.configuration.plain import Plain, configured_by, plain
from asap_lightning.configuration.trainer_checks import require_own_names
from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts import Shards
from asap_lightning.errors import UserError
from asap_lightning.models import Generator
from asap_lightning.models.asap.generator import resolve_s1
from asap_lightning.registry import RoleName
from asap_lightning.run_folder.names import CHECKPOINTS
from asap_lightning.training import CheckpointWriter, ModelDescription, StopRequest, TranslationModule
from asap_lightning.training.callbacks import ResolvedConfig
from asap_lightning.training.sizes import attempts, require_trainable, smallest_side

log = logging.getLogger(__name__)


def generator_settings(node: Mapping[str, Any], height: int) -> Plain:
    """The generator's own arguments: ``s1: auto`` is resolved, ``grid_rows`` used up.

    S = height / grid_rows and S1 = S / S2 (ASAP-Net section 4: the grid has 16 rows at any size).

    Raises:
        UserError: no power of two gives that grid.
    """
    settings = dict(node)
    grid_rows = settings.pop("grid_rows", 16)
    if settings.get("s1") == "auto":
        with configured_by("generator.s1"):
            settings["s1"] = resolve_s1(height, settings["s2"], grid_rows)
    return settings


def build_network(key: str, settings: Mapping[str, Any], spec: ConditionSpec) -> nn.Module | None:
    """The network that ``settings`` (with ``_target_``) describe; None where ``_target_`` is null."""
    if settings.get("_target_") is None:
        return None
    with configured_by(key):
        network: nn.Module = instantiate({**settings, "_partial_": True}, _convert_="all")(spec=spec)
    empty = next((name for name, weight in network.named_parameters() if not weight.numel()), None)
    if empty is not None:
        raise UserError(
            f"{key}: these settings leave '{empty}' without a single weight; widths must be at least 1"
        )
    return network


def make_generator(settings: Mapping[str, Any], data: PairedDataModule) -> Generator:
    """The generator; the data module learns what image sizes it can take.

    Raises:
        UserError: wrong settings, or a training size that the generator cannot take.
    """
    generator = build_network("generator", settings, data.spec)
    if not isinstance(generator, Generator):
        raise UserError(
            f"generator._target_={settings.get('_target_')}: the class of a generator was expected"
        )
    data.size_multiple, data.minimum_size = generator.size_multiple, generator.minimum_size
    return generator


def require_size(
    data: PairedDataModule, generator: Generator, discriminator: nn.Module | None, objective: nn.Module
) -> None:
    """A `UserError` unless the parts can be trained at the data's size.

    Where pictures keep their own sizes, smaller ones than all parts can take are enlarged.
    """
    least = getattr(objective, "minimum_size", 1)
    parts = attempts(generator, discriminator, least, data.batch_size)
    multiple = generator.size_multiple
    if not data.geometry.fixes_size:
        data.training_minimum = smallest_side(parts, multiple) or generator.minimum_size
    elif data.height % multiple == data.width % multiple == 0:  # else the data module names the nearest
        require_trainable(parts, data.height, data.width, data.batch_size)


def make_module(config: DictConfig, data: PairedDataModule) -> TranslationModule:
    """The LightningModule with both networks, the objective, optimizers and schedule."""
    description = describe(config, data)
    generator = make_generator(description.generator, data)
    if generator.takes_canvas and config.data.get("bank") is None:
        raise UserError(f"data.bank is missing: {NO_CANVAS}")
    discriminator = build_network("discriminator", description.discriminator or {}, data.spec)
    with configured_by("loss"):
        objective = instantiate(config.loss, _convert_="all")
    require_size(data, generator, discriminator, objective)
    optimizers = make_optimizers(config)
    periodic = make_periodic(config, data)
    warn_of_unregistered(description)
    with configured_by("training"):
        return TranslationModule(
            generator,
            discriminator,
            objective,
            generator_optimizer=optimizers["generator"],
            discriminator_optimizer=optimizers.get("discriminator"),
            periodic=periodic,
            description=description,
            **instantiate(config.training, _convert_="all"),
        )


def warn_of_unregistered(description: ModelDescription) -> None:
    """Says at the beginning, not after the training, what its checkpoints cannot be used for."""
    parts: tuple[tuple[str, Any, RoleName], ...] = (
        ("generator", description.generator, "generator"),
        ("data.layout", description.layout, "layout"),
    )
    for place, node, role in parts:
        try:
            check(node, role, place)
        except UserError as error:
            log.warning(
                "%s. The run can be resumed, but asap predict and asap evaluate build nothing else from a "
                "checkpoint; see docs/security.md",
                error,
            )


def describe(config: DictConfig, data: PairedDataModule) -> ModelDescription:
    """Networks and run as plain data: what a checkpoint carries, and what a resume is compared with."""
    judge = plain(config.discriminator)
    return ModelDescription(
        spec=data.spec.as_dict(),
        generator=generator_settings(plain(config.generator), data.height),
        discriminator=judge if judge.get("_target_") is not None else None,
        config=with_source(plain(config), data),
    )


def make_optimizers(config: DictConfig) -> dict[str, Any]:
    """The optimizers of both networks as functions of their parameters; each is tried on one number."""
    with configured_by("optimizer"):
        optimizers: dict[str, Any] = instantiate(config.optimizer, _convert_="all")
    for name, make in optimizers.items():
        with configured_by(f"optimizer.{name}"):
            make([nn.Parameter(torch.zeros(1))])
    return optimizers


def with_source(settings: Plain, data: PairedDataModule) -> Plain:
    """Settings that name, for shards, the layout from which they were made.

    A checkpoint carries it, so that new files are read as the training's were without the shards at hand.
    """
    if isinstance(data.layout, Shards):
        settings["data"]["layout"]["source"] = data.layout.source
    return settings


def make_callbacks(config: DictConfig, folder: Path, stop: StopRequest) -> list[Callback]:
    """The callbacks of ``callbacks``, in order, with the checkpoint writer and the resolved configuration."""
    with configured_by("callbacks"):
        chosen = [instantiate(node) for node in config.callbacks.values() if node is not None]
    with configured_by("checkpoint"):
        writer = CheckpointWriter(folder / CHECKPOINTS, stop=stop, **plain(config.checkpoint))
    return [ResolvedConfig(plain(config), folder), writer, *chosen]


def make_loggers(config: DictConfig) -> list[Logger]:
    """The loggers of ``logger``; those that take a ``config`` get the resolved configuration."""
    loggers = []
    for name, node in config.logger.items():
        if node is None:
            continue
        with configured_by(f"logger.{name}"):
            logger = instantiate({**plain(node), "_partial_": True})
            loggers.append(logger(config=plain(config)) if _takes_config(logger) else logger())
    return loggers


def _takes_config(made: partial[Any]) -> bool:
    """Whether the callable has a parameter named ``config``."""
    from inspect import signature

    return "config" in signature(made.func).parameters


def make_configured_trainer(
    config: DictConfig, folder: Path, callbacks: list[Callback], loggers: list[Logger]
) -> Trainer:
    """The trainer of ``trainer``, writing into ``folder``.

    Raises:
        UserError: an argument that is set elsewhere here, or that Lightning refuses.
    """
    require_own_names(config.trainer)
    with configured_by("trainer"):
        return instantiate(
            config.trainer,
            default_root_dir=str(folder),
            callbacks=callbacks,
            logger=loggers or False,
            _convert_="all",
        )


def parameters_in_millions(network: nn.Module | None) -> float:
    """Number of trainable parameters / 10^6."""
    if network is None:
        return 0.0
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad) / 1e6
