"""Noticing that a training has left the numbers behind."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from asap_lightning.errors import UserError


class DivergedError(UserError):
    """A loss term or a weight is no longer a finite number."""


def check_finite(terms: Mapping[str, Tensor], prefix: str, step: int) -> None:
    """Raises DivergedError naming every term that is NaN or infinite.

    Args:
        terms: scalars by name.
        prefix: of the names in the message.
        step: number of generator updates done.
    """
    values = torch.stack([term.detach().float() for term in terms.values()]).tolist()
    bad = [
        f"{prefix}/{name} = {v}"
        for name, v in zip(terms, values, strict=True)
        if v != v or abs(v) == float("inf")
    ]
    if bad:
        raise DivergedError(
            f"training diverged after {step} generator updates: {', '.join(bad)}; lower the learning rate "
            "(optimizer.generator.lr, optimizer.discriminator.lr), clip gradients (training.clip=1), "
            "or use trainer.precision=32-true, then resume from the last checkpoint"
        )


def first_bad_weight(network: nn.Module) -> str | None:
    """Name of a parameter that holds NaN or infinity, or None."""
    for name, parameter in network.named_parameters():
        if not bool(torch.isfinite(parameter.detach().sum())) and not bool(
            torch.isfinite(parameter.detach()).all()
        ):
            return name
    return None
