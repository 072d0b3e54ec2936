"""A network that a file describes, with the weights that the file holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from asap_lightning.building import build
from asap_lightning.errors import UserError
from asap_lightning.registry import RoleName

EMPTY_PER_TENSOR = 4
EMPTY_BESIDE = 100
"""Weights that are made at most, for those in the file: old programs left some out, and norms are tried."""


FIRST_VALUES = frozenset(
    (
        *(getattr(torch.Tensor, name) for name in ("normal_", "uniform_", "fill_", "zero_")),
        *(getattr(nn.init, name) for name in ("normal_", "uniform_", "constant_", "kaiming_uniform_")),
        F.normalize,
    )
)
"""What gives weights their first values. On ``meta`` there are none, but torch imports a compiler."""


class _Sketching(TorchFunctionMode):
    """Shapes without values, and an end to a network that becomes much larger than what the file has.

    Layers take their weights from `torch.empty`. Nothing else may be refused here: torch restores its own
    state, gradients on or off, through functions that come by as well.
    """

    def __init__(self, tensors: int) -> None:
        super().__init__()
        self.left = EMPTY_BESIDE + EMPTY_PER_TENSOR * tensors

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in FIRST_VALUES:
            return args[0] if args else (kwargs or {})["tensor"]
        if func is torch.randn:
            func = torch.empty
        if func is torch.empty:
            self.left -= 1
            if self.left < 0:
                raise ValueError("it asks for many more layers than the file has weights")
        return func(*args, **(kwargs or {}))


def sketch(node: Any, role: RoleName, place: str, tensors: int, **overrides: Any) -> nn.Module:
    """The described network on the ``meta`` device: names and shapes, no memory for weights.

    Args:
        node: the description; see `build`.
        role: what it may name.
        place: for messages.
        tensors: number of weights that the file has for it, which bounds the number of layers.
        overrides: see `build`.

    Raises:
        UserError: the description is refused.
    """
    with torch.device("meta"), _Sketching(tensors):
        network: nn.Module = build(node, role, place, **overrides)
    return network


def fill(network: nn.Module, state: Mapping[str, Tensor], place: str) -> None:
    """Gives a sketched network its weights, in float32, once their names and shapes are known to agree.

    Raises:
        UserError: they do not.
    """
    wanted = network.state_dict()
    problems = [f"no {name}" for name in wanted.keys() - state.keys()]
    problems += [f"{name} is unknown" for name in state.keys() - wanted.keys()]
    for name in wanted.keys() & state.keys():
        if not alike(wanted[name], state[name]):
            problems.append(f"{name} is {_described(state[name])}, not {_described(wanted[name])}")
    if problems:
        more = f", and {len(problems) - 4} more" if len(problems) > 4 else ""
        raise UserError(
            f"{place}: the weights do not fit the network that the file describes: "
            f"{'; '.join(sorted(problems)[:4])}{more}"
        )
    own = {
        name: state[name].detach().to(value.dtype, copy=True, memory_format=torch.contiguous_format)
        for name, value in wanted.items()
    }
    network.load_state_dict(own, assign=True)
    unfilled = [name for name, value in _tensors(network) if value.is_meta]
    if unfilled:
        raise ValueError(f"{type(network).__name__} keeps {unfilled[0]} outside its state dict")


def _tensors(network: nn.Module) -> list[tuple[str, Tensor]]:
    return [*network.named_parameters(), *network.named_buffers()]


def alike(wanted: Tensor, found: Tensor) -> bool:
    """Same shape, and numbers of the same kind: any float for a float, the same integer for an integer."""
    if wanted.is_floating_point():
        return wanted.shape == found.shape and found.is_floating_point()
    return wanted.shape == found.shape and wanted.dtype == found.dtype


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
