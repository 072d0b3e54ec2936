"""The Triton backend."""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.ops.layout import MlpLayout


def load_failure(device: torch.device) -> str:
    """Why Triton cannot run on ``device``; empty if it can."""
    return "Triton kernels are not part of this version"


def pixelwise_forward(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> Tensor:
    raise NotImplementedError


def pixelwise_backward(
    grad: Tensor, phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout
) -> tuple[Tensor, Tensor]:
    raise NotImplementedError
