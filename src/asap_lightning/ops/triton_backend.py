"""The Triton backend."""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.ops.layout import MlpLayout


def load_failure(device: torch.device) -> str:
    """Why Triton cannot run on ``device``; empty if it can."""
    return "Triton kernels are not part of this version"


def pixelwise_forward(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> Tensor:
    """See `asap_lightning.ops.pixelwise_mlp`."""
    raise NotImplementedError


def pixelwise_backward(
    grad: Tensor, phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout
) -> tuple[Tensor, Tensor]:
    """Gradients of phi and the image."""
    raise NotImplementedError
