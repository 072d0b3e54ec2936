"""Whether the networks can be trained at a size: tried on the meta device, before the first step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.models import Generator

LARGEST = 4096
Attempt = Callable[[int, int], str]
"""From height and width to why the network cannot be trained on them; empty where it can."""


def attempts(
    generator: Generator, discriminator: nn.Module | None, minimum: int, batch_size: int
) -> dict[str, Attempt]:
    """For each part what tries a size: shapes are computed, no pixel is.

    Args:
        generator, discriminator: in training mode; they stay as they are.
        minimum: least side that the losses need.
        batch_size: some norms need more than one value a channel.
    """
    spec = generator.spec

    def generate(height: int, width: int) -> str:
        try:
            generator.check_size(height, width)
        except ValueError as error:
            return str(error)
        return _tried(generator, _condition(spec, batch_size, height, width))

    def judge(height: int, width: int) -> str:
        assert discriminator is not None
        planes = torch.empty(batch_size, spec.dense_channels, height, width, device="meta")
        return _tried(discriminator, planes, torch.empty(batch_size, 3, height, width, device="meta"))

    def compare(height: int, width: int) -> str:
        return (
            "" if min(height, width) >= minimum else f"its VGG-19 needs at least {minimum} x {minimum} pixels"
        )

    judges = {"discriminator": judge} if discriminator is not None else {}
    return {"generator": generate, **judges, "loss.perceptual": compare}


def require_trainable(parts: dict[str, Attempt], height: int, width: int, batch_size: int) -> None:
    """Raises a `UserError` if a part cannot be trained on pictures of this size but on larger ones can."""
    for key, attempt in parts.items():
        reason = attempt(height, width)
        if not reason:
            continue
        least = smallest_side({key: attempt}, 1)
        if least is None and key != "generator":  # nothing would help, so the size is not what is wrong
            continue
        advice = f": use at least {least} x {least}, or other settings of {key}" if least else ""
        raise UserError(
            f"data.height={height} data.width={width} with data.batch_size={batch_size} does not suit "
            f"{key}: {reason.splitlines()[0]}{advice}"
        )


def smallest_side(parts: dict[str, Attempt], multiple: int) -> int | None:
    """The least multiple that every part takes as height and width; of large ones every second or fourth."""
    side = multiple
    while side <= LARGEST:
        if not any(attempt(side, side) for attempt in parts.values()):
            return side
        power = 1 << (side // multiple).bit_length() - 1
        side += multiple * max(1, power // 2)
    return None


def _condition(spec: ConditionSpec, batch: int, height: int, width: int) -> Condition:
    with torch.device("meta"):
        guide, canvas = torch.empty(batch, 3, height, width), torch.empty(batch, 4, height, width)
        ids = torch.empty(batch, height, width, dtype=torch.int32)
        instance = ids if spec.instance_edges else None
        if spec.kind == "label":
            return Condition(label=ids, instance=instance, guide=guide, guide_condition=ids, canvas=canvas)
        image = torch.empty(batch, spec.channels, height, width)
        return Condition(image=image, instance=instance, guide=guide, guide_condition=image, canvas=canvas)


def _tried(network: nn.Module, *inputs: Any) -> str:
    """Why the network refuses inputs of these shapes."""
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    shadows: dict[str, Tensor] = {name: tensor.to("meta") for name, tensor in tensors.items()}
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            functional_call(network, shadows, inputs)
    except NotImplementedError:  # a step whose shapes depend on values: unknown until it is done
        return ""
    except (ValueError, RuntimeError) as error:
        return str(error)
    return ""
