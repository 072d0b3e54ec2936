"""Small parts of an update: checks, names, freezing, the guide of a style encoder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce

import torch
from torch import Tensor, nn

from asap_lightning.data.batch import Batch
from asap_lightning.errors import UserError
from asap_lightning.models import Generator

Terms = dict[str, Tensor]


def check_settings(order: str, d_steps: int, accumulate: int, clip: float | None, ema: float | None) -> None:
    """A `UserError` that names the setting of ``training`` that makes no sense."""
    if order not in ("generator_first", "discriminator_first"):
        raise UserError(f"training.order={order}: generator_first or discriminator_first was expected")
    if d_steps < 1 or accumulate < 1:
        raise UserError(
            f"training.d_steps_per_g={d_steps}, training.accumulate={accumulate}: at least 1 was expected"
        )
    if clip is not None and clip <= 0:
        raise UserError(f"training.clip={clip}: a gradient norm above 0, or null, was expected")
    if ema is not None and not 0 < ema < 1:
        raise UserError(f"training.ema={ema}: a decay between 0 and 1, or null, was expected")


def with_guide(batch: Batch, generator: Generator) -> Batch:
    """In training an encoder reads the style off the target itself; exemplars come with the data.

    Raises:
        UserError: the generator needs exemplars, and the data set lends none.
    """
    if not generator.takes_guide_condition:
        return replace(batch, condition=replace(batch.condition, guide=batch.require_photo()))
    if batch.condition.guide is None:
        raise UserError(
            f"{type(generator).__name__} matches every pair with an exemplar, but data.exemplar is not set: "
            "use data.exemplar=self, random, nearest or a file of pairs"
        )
    return batch


def total(terms: Terms) -> Tensor:
    """The sum of the terms, in float32 at least."""
    dtype = reduce(torch.promote_types, (term.dtype for term in terms.values()), torch.float32)
    return torch.stack([term.to(dtype) for term in terms.values()]).sum()


def named_terms(terms: Terms, prefix: str) -> Terms:
    """Detached terms and their total under their logged names."""
    detached = {name: term.detach() for name, term in terms.items()}
    named = {f"{prefix}/{name}": term for name, term in detached.items()}
    return {**named, f"{prefix}/total": total(detached)}


@contextmanager
def frozen(network: nn.Module | None) -> Iterator[None]:
    """No gradients for this network's parameters inside the block."""
    parameters = [p for p in network.parameters() if p.requires_grad] if network is not None else []
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
