"""The native backend: C++ kernels behind a plain C interface."""

from __future__ import annotations

from torch import Tensor

from asap_lightning.ops.layout import MlpLayout


def load_failure() -> str:
    """Why the library cannot be used; empty if it can."""
    return "this installation has no native library"


def pixelwise_forward(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> Tensor:
    raise NotImplementedError(load_failure())


def pixelwise_backward(
    grad: Tensor, phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout
) -> tuple[Tensor, Tensor]:
    raise NotImplementedError(load_failure())


def class_pool(label, num_classes, s1, dtype):
    raise NotImplementedError(load_failure())
