"""Adding up what several processes have measured (torch.distributed); with one process, nothing happens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed

from asap_lightning.ranks import world_size


def summed(tensor: Tensor) -> Tensor:
    """The sum over processes, on the tensor's device."""
    if world_size() == 1:
        return tensor
    total = tensor.detach().clone().to(_device())
    distributed.all_reduce(total)
    return total.to(tensor.device)


def gathered(value: Any) -> list[Any]:
    """A plain value of every process, in the order of the processes, on all of them."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    distributed.all_gather_object(values, value)
    return values


def _device() -> torch.device:
    """Where the backend exchanges tensors."""
    return torch.device("cuda" if distributed.get_backend() == "nccl" else "cpu")
