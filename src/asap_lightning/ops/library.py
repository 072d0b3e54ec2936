"""The operations as `torch.library` operators: opaque to the compiler, with fake kernels and gradients.

``torch.ops.asap_lightning.pixelwise_mlp`` and ``.class_pool`` take the backend as their last argument, an
empty string leaving the choice to the moment they run.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

from asap_lightning.ops import native, pixelwise_torch, pooling_torch, triton_backend
from asap_lightning.ops.dispatch import resolve_backend
from asap_lightning.ops.layout import MlpLayout, check_label_ids


def _run_pixelwise(
    phi: Tensor,
    label: Tensor | None,
    image: Tensor | None,
    tile: int,
    width: int,
    depth: int,
    num_classes: int,
    image_channels: int,
    out_channels: int,
    positional_encoding: bool,
    negative_slope: float,
    backend: str,
) -> Tensor:
    layout = MlpLayout(
        tile, width, depth, num_classes, image_channels, out_channels, positional_encoding, negative_slope
    )
    name = resolve_backend("pixelwise_mlp", backend, phi.device, phi.dtype)
    if not phi.shape[0] * phi.shape[2] * phi.shape[3]:
        return _fake_pixelwise(phi, label, image, *astuple(layout), backend)
    if name == "native":
        return native.pixelwise_forward(phi, label, image, layout)
    if label is not None:
        check_label_ids(label, num_classes)
    if name == "triton":
        return triton_backend.pixelwise_forward(phi, label, image, layout)
    return pixelwise_torch.forward(phi, label, image, layout)


_pixelwise = torch.library.custom_op("asap_lightning::pixelwise_mlp", _run_pixelwise, mutates_args=())


@_pixelwise.register_fake
def _fake_pixelwise(
    phi: Tensor, label: Tensor | None, image: Tensor | None, tile: int, *settings: Any
) -> Tensor:
    out_channels = settings[4]
    return phi.new_empty(phi.shape[0], out_channels, phi.shape[2] * tile, phi.shape[3] * tile)


@torch.library.custom_op("asap_lightning::pixelwise_mlp_backward", mutates_args=())
def _pixelwise_backward(
    grad: Tensor,
    phi: Tensor,
    label: Tensor | None,
    image: Tensor | None,
    tile: int,
    width: int,
    depth: int,
    num_classes: int,
    image_channels: int,
    out_channels: int,
    positional_encoding: bool,
    negative_slope: float,
    backend: str,
) -> tuple[Tensor, Tensor]:
    layout = MlpLayout(
        tile, width, depth, num_classes, image_channels, out_channels, positional_encoding, negative_slope
    )
    name = resolve_backend("pixelwise_mlp backward", backend, phi.device, phi.dtype)
    if not grad.numel():
        return _fake_backward(grad, phi, label, image, *astuple(layout), backend)
    if name == "native":
        return native.pixelwise_backward(grad, phi, label, image, layout)
    if name == "triton":
        return triton_backend.pixelwise_backward(grad, phi, label, image, layout)
    return pixelwise_torch.backward(grad, phi, label, image, layout)


@_pixelwise_backward.register_fake
def _fake_backward(
    grad: Tensor, phi: Tensor, label: Tensor | None, image: Tensor | None, *settings: Any
) -> tuple[Tensor, Tensor]:
    b, p, rows, columns = phi.shape
    grad_phi = phi.new_empty(b, rows, columns, p).permute(0, 3, 1, 2)
    if image is None:
        return grad_phi, phi.new_empty(b, 0, grad.shape[2], grad.shape[3])
    return grad_phi, image.new_empty(image.shape)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    phi, label, image, *settings = inputs
    ctx.save_for_backward(phi, label, image)
    ctx.settings = settings


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    phi, label, image = ctx.saved_tensors
    grad_phi, grad_image = _pixelwise_backward(grad, phi, label, image, *ctx.settings)
    back_image = grad_image if image is not None and ctx.needs_input_grad[2] else None
    return grad_phi, None, back_image, *[None] * len(ctx.settings)


_pixelwise.register_autograd(_backward, setup_context=_setup_context)
for _device in ("cpu", "cuda"):
    _pixelwise.register_autocast(_device, torch.float32)


def _run_class_pool(label: Tensor, num_classes: int, s1: int, dtype: torch.dtype, backend: str) -> Tensor:
    name = resolve_backend("class_pool", backend, label.device, dtype)
    if not label.numel():
        return _fake_class_pool(label, num_classes, s1, dtype, backend)
    if name == "native":
        return native.class_pool(label, num_classes, s1, dtype)
    check_label_ids(label, num_classes)
    if name == "triton" and s1 > 1:
        return triton_backend.class_pool(label, num_classes, s1, dtype)
    return pooling_torch.class_pool(label, num_classes, s1, dtype)


_class_pool = torch.library.custom_op("asap_lightning::class_pool", _run_class_pool, mutates_args=())


@_class_pool.register_fake
def _fake_class_pool(label: Tensor, num_classes: int, s1: int, dtype: torch.dtype, backend: str) -> Tensor:
    b, height, width = label.shape
    return torch.empty(b, num_classes, height // s1, width // s1, dtype=dtype, device=label.device)


def plainly(tensor: Tensor) -> bool:
    """Whether nobody looks on: no gradients, no compiler, no autocast, no mode that counts or traces.

    The function behind an operator is then called itself. An operator's first call makes PyTorch import its
    compiler, which takes longer than all else that four pictures need.
    """
    return (
        not torch.compiler.is_compiling()
        and torch.is_inference_mode_enabled()
        and not torch.is_autocast_enabled(tensor.device.type)
        and _get_current_dispatch_mode() is None
    )


def pixelwise_mlp(
    phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout, backend: str
) -> Tensor:
    """Calls the operator; see `asap_lightning.ops.pixelwise_mlp`."""
    settings: list[Any] = [*astuple(layout), backend]
    if plainly(phi):
        return _run_pixelwise(phi, label, image, *settings)
    return _pixelwise(phi, label, image, *settings)


def class_pool(label: Tensor, num_classes: int, s1: int, dtype: torch.dtype, backend: str) -> Tensor:
    """Calls the operator; see `asap_lightning.ops.class_pool`."""
    if plainly(label):
        return _run_class_pool(label, num_classes, s1, dtype, backend)
    return _class_pool(label, num_classes, s1, dtype, backend)
