"""Conditions brought to the sizes that a generator takes."""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.condition import Condition


def pad_condition(condition: Condition, multiple: int, minimum: int = 0) -> Condition:
    """Repeats the last row and column until both sides are multiples and at least ``minimum``."""

    def extended(size: int) -> int:
        return -(-max(size, minimum, 1) // multiple) * multiple

    down = extended(condition.height) - condition.height
    right = extended(condition.width) - condition.width
    if not down and not right:
        return condition

    def pad(tensor: Tensor) -> Tensor:
        if tensor.ndim < 3:  # a style code
            return tensor
        rows = torch.arange(tensor.shape[-2] + down, device=tensor.device).clamp_(max=tensor.shape[-2] - 1)
        columns = torch.arange(tensor.shape[-1] + right, device=tensor.device).clamp_(
            max=tensor.shape[-1] - 1
        )
        return tensor.index_select(-2, rows).index_select(-1, columns)

    return condition.map(pad)
