"""From a checkpoint file to a generator, with nothing but the file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

from asap_lightning.checkpoint import PREFIXES, ModelDescription, read_checkpoint
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.models import Generator
from asap_lightning.models.described import fill, sketch
from asap_lightning.training.initialize import generator_weights

WeightChoice = Literal["auto", "ema", "raw"]


def load_generator(
    path: str | os.PathLike[str], weights: WeightChoice = "auto"
) -> tuple[Generator, ModelDescription]:
    """Builds the generator a checkpoint describes and loads its weights; it is in evaluation mode.

    Args:
        path: a file that training, an export or an import wrote.
        weights: ``ema`` the averaged weights, ``raw`` the trained ones, ``auto`` the averaged where there
            are any.

    Raises:
        UserError: not a checkpoint of this program, damaged, no such weights, weights that do not fit, or a
            description that is refused.
    """
    return load_model(path, weights)[:2]


def load_model(
    path: str | os.PathLike[str], weights: WeightChoice = "auto"
) -> tuple[Generator, ModelDescription, str]:
    """As `load_generator`, and which weights these are: ``ema`` or ``raw``."""
    checkpoint = read_checkpoint(path)
    description = ModelDescription.from_checkpoint(checkpoint, path)
    kind, state = _choose(checkpoint, weights, path)
    spec = ConditionSpec.from_dict(description.spec, f"{path}: spec")
    generator = sketch(description.generator, "generator", f"{path}: generator", len(state), spec=spec)
    assert isinstance(generator, Generator)
    fill(generator, state, str(path))
    return generator.eval(), description, kind


def _choose(checkpoint: Mapping[str, Any], weights: WeightChoice, path: Any) -> tuple[str, dict[str, Tensor]]:
    if weights not in ("auto", *PREFIXES):
        raise UserError(f"weights={weights}: auto, ema or raw was expected")
    order = ("ema", "raw") if weights == "auto" else (weights,)
    for kind in order:
        if chosen := generator_weights(checkpoint, path, (kind,)):
            return kind, chosen
    raise UserError(
        f"{path} holds no {' or '.join(order)} generator weights; "
        + (
            "it was trained without training.ema: use weights=raw"
            if weights == "ema"
            else "it is not complete"
        )
    )
