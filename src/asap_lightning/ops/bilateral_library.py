"""Bilateral slicing as a `torch.library` operator, as `library.py` has the others.

``torch.ops.asap_lightning.bilateral`` takes the backend as its last argument, an empty string leaving the
choice to the moment it runs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from asap_lightning.ops import bilateral_native, bilateral_torch
from asap_lightning.ops.dispatch import resolve_backend
from asap_lightning.ops.library import plainly


def _run(grid: Tensor, guide: Tensor, image: Tensor | None, backend: str) -> Tensor:
    name = resolve_backend("bilateral_slice", backend, grid.device, grid.dtype, triton=False)
    if not guide.numel():
        return _fake(grid, guide, image, backend)
    runs = bilateral_native if name == "native" else bilateral_torch
    return runs.forward(grid, guide, image)


_bilateral = torch.library.custom_op("asap_lightning::bilateral", _run, mutates_args=())


@_bilateral.register_fake
def _fake(grid: Tensor, guide: Tensor, image: Tensor | None, backend: str) -> Tensor:
    b, inputs, outputs = grid.shape[:3]
    return grid.new_empty(b, inputs * outputs if image is None else outputs, *guide.shape[1:])


@torch.library.custom_op("asap_lightning::bilateral_backward", mutates_args=())
def _bilateral_backward(
    grad: Tensor, grid: Tensor, guide: Tensor, image: Tensor | None, backend: str
) -> tuple[Tensor, Tensor, Tensor]:
    name = resolve_backend("bilateral_slice backward", backend, grid.device, grid.dtype, triton=False)
    if not guide.numel():
        grad_grid, grad_guide, grad_image = _fake_backward(grad, grid, guide, image, backend)
        return grad_grid.zero_(), grad_guide, grad_image
    runs = bilateral_native if name == "native" else bilateral_torch
    return runs.backward(grad, grid, guide, image)


@_bilateral_backward.register_fake
def _fake_backward(
    grad: Tensor, grid: Tensor, guide: Tensor, image: Tensor | None, backend: str
) -> tuple[Tensor, Tensor, Tensor]:
    pixels = guide.new_empty(guide.shape[0], 0, *guide.shape[1:]) if image is None else image
    return grid.new_empty(grid.shape), guide.new_empty(guide.shape), pixels.new_empty(pixels.shape)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    grid, guide, image, ctx.backend = inputs
    ctx.save_for_backward(grid, guide, image)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    grid, guide, image = ctx.saved_tensors
    grad_grid, grad_guide, grad_image = _bilateral_backward(grad, grid, guide, image, ctx.backend)
    return grad_grid, grad_guide, grad_image if image is not None else None, None


_bilateral.register_autograd(_backward, setup_context=_setup_context)
for _device in ("cpu", "cuda"):
    _bilateral.register_autocast(_device, torch.float32)


def bilateral(grid: Tensor, guide: Tensor, image: Tensor | None, backend: str) -> Tensor:
    """Calls the operator: the transformed image (B, O, H, W), without one the coefficients (B, K O, H, W)."""
    if plainly(grid):
        return _run(grid, guide, image, backend)
    return _bilateral(grid, guide, image, backend)
