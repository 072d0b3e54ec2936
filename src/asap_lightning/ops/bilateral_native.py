"""Bilateral slicing in the native library: the grid packed, the C interface called."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.ops.native import DTYPES, check, describe, readable, reference_to
from asap_lightning.ops.native_library import CBilateral, CRange, library


def packed(grid: Tensor) -> Tensor:
    """(B, K, O, D, h, w) -> (B, h, w, D, pitch) float32: O padded to 4, the whole to 16."""
    inputs, outputs = grid.shape[1:3]
    padded = -(-outputs // 4) * 4
    entries = F.pad(grid.float().permute(0, 4, 5, 3, 1, 2), (0, padded - outputs)).flatten(4)
    return F.pad(entries, (0, -(inputs * padded) % 16)).contiguous()


def unpacked(entries: Tensor, inputs: int, outputs: int) -> Tensor:
    """The inverse of `packed`."""
    padded = -(-outputs // 4) * 4
    grid = entries[..., : inputs * padded].unflatten(-1, (inputs, padded))[..., :outputs]
    return grid.permute(0, 4, 5, 3, 1, 2).contiguous()


def _describe_grid(grid: Tensor, guide: Tensor) -> CBilateral:
    b, inputs, outputs, depth, rows, columns = grid.shape
    return CBilateral(b, *guide.shape[1:], rows, columns, depth, inputs, outputs)


def forward(grid: Tensor, guide: Tensor, image: Tensor | None) -> Tensor:
    """See `asap_lightning.ops.bilateral`."""
    b, inputs, outputs = grid.shape[:3]
    out = torch.empty(b, inputs * outputs if image is None else outputs, *guide.shape[1:], dtype=grid.dtype)
    entries, places, pixels = packed(grid), readable(guide), readable(image)
    status = library().asap_bilateral_forward(
        _describe_grid(grid, guide),
        entries.data_ptr(),
        reference_to(describe(places)),
        reference_to(describe(pixels)),
        out.data_ptr(),
        DTYPES[out.dtype],
        torch.get_num_threads(),
    )
    check(status, CRange(), 0)
    return out


def backward(
    grad: Tensor, grid: Tensor, guide: Tensor, image: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of grid, guide and image (B, 0, H, W without one)."""
    entries, places, pixels, upstream = packed(grid), readable(guide), readable(image), readable(grad)
    grad_entries, grad_guide = torch.empty_like(entries), torch.empty(guide.shape)
    channels = 0 if image is None else image.shape[1]
    grad_image = torch.empty(len(guide), channels, *guide.shape[1:])
    status = library().asap_bilateral_backward(
        _describe_grid(grid, guide),
        entries.data_ptr(),
        reference_to(describe(places)),
        reference_to(describe(pixels)),
        reference_to(describe(upstream)),
        grad_entries.data_ptr(),
        grad_guide.data_ptr(),
        grad_image.data_ptr() if channels else None,
        torch.get_num_threads(),
    )
    check(status, CRange(), 0)
    grad_grid = unpacked(grad_entries, *grid.shape[1:3]).to(grid.dtype)
    return grad_grid, grad_guide.to(guide.dtype), grad_image.to(guide.dtype if image is None else image.dtype)
