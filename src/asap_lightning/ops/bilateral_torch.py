"""Bilateral slicing in plain torch: rows of the grid blended by a matrix product, then four entries a pixel.

Axes: B batch, K inputs of a transform, O outputs, P coefficients (K O), D depth, h and w of the grid, H and W
of the image, R rows of a strip, N pixels of a strip (R W).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

STRIP_BYTES = 1 << 22
"""Of a strip's coefficients on a CPU: large enough that calls are few, small enough for a cache."""


class Places(NamedTuple):
    """The two samples around every place of an axis, low and high."""

    samples: tuple[Tensor, Tensor]  # indices, int64
    weights: tuple[Tensor, Tensor]


def axis_places(size: Any, samples: int, like: Tensor) -> Places:
    """Of the places (i + 1/2) samples / size; ``size`` may be a tensor while a graph is traced."""
    place = (torch.arange(size, dtype=like.dtype, device=like.device) + 0.5) * samples / size
    low = (place - 0.5).floor()
    weights = tuple((1 - (low + step + 0.5 - place).abs()).clamp(min=0) for step in (0, 1))
    indices = tuple((low + step).clamp(0, samples - 1).long() for step in (0, 1))
    return Places((indices[0], indices[1]), (weights[0], weights[1]))


def depth_places(guide: Tensor, depth: int) -> tuple[Places, tuple[Tensor, Tensor]]:
    """Of a guide of any shape, and the derivatives of the weights by the guide."""
    place = guide * depth
    low = (place - 0.5).floor()
    indices, weights, slopes = [], [], []
    for step in (0, 1):
        distance = low + step + 0.5 - place
        length = (distance * distance + 1e-8).sqrt()
        weights.append((1 - length).clamp(min=0))
        slopes.append(torch.where(length > 1, 0, depth * distance / length))
        indices.append((low + step).clamp(0, depth - 1).nan_to_num().long())
    return Places((indices[0], indices[1]), (weights[0], weights[1])), (slopes[0], slopes[1])


def row_matrix(height: Any, rows: int, like: Tensor) -> Tensor:
    """(H, h): the weights with which rows of the grid count for rows of the image."""
    (low, high), (low_weight, high_weight) = axis_places(height, rows, like)
    known = torch.arange(rows, device=like.device)
    return (low[:, None] == known) * low_weight[:, None] + (high[:, None] == known) * high_weight[:, None]


def blended_rows(grid: Tensor, matrix: Tensor) -> Tensor:
    """(B, K, O, D, h, w) -> (B, H, w, D, P)."""
    packed = grid.permute(0, 4, 5, 3, 1, 2).flatten(4)
    return (matrix @ packed.flatten(2)).unflatten(2, packed.shape[2:])


def differentiable(grid: Tensor, guide: Tensor, image: Tensor | None, backend: str = "") -> Tensor:
    """All pixels at once by operations that autograd, `torch.export` and ONNX understand.

    Four entries a pixel are looked up in the blended rows. ``backend`` is not read: a graph has none.
    """
    b, height, width = guide.shape
    depth, rows, columns = grid.shape[3:]
    table = blended_rows(grid, row_matrix(height, rows, grid)).flatten(0, 3)
    row = torch.arange(b * height, device=grid.device).reshape(b, height, 1)
    across, (along, _) = axis_places(width, columns, grid), depth_places(guide.to(grid.dtype), depth)
    total: Tensor | None = None
    for ix, wx in zip(*across, strict=True):
        for iz, wz in zip(*along, strict=True):
            part = table[(row * columns + ix) * depth + iz] * (wx * wz).unsqueeze(-1)
            total = part if total is None else total + part
    assert total is not None
    coefficients = total.permute(0, 3, 1, 2)
    if image is None:
        return coefficients
    outputs = grid.shape[2]
    transforms = coefficients.reshape(b, -1, outputs, height, width)
    return (transforms[:, :-1] * image.to(grid.dtype).unsqueeze(2)).sum(1) + transforms[:, -1]


class Strip(NamedTuple):
    """Some rows of one image: where its pixels look, and with which weights."""

    rows: slice
    places: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]  # [x][z] (N): rows of the strip's table
    across: tuple[Tensor, Tensor]  # (N, 1), weights along x
    along: tuple[Tensor, Tensor]  # (N, 1), weights along z
    slopes: tuple[Tensor, Tensor]  # (N)


def strips(guide: Tensor, depth: int, columns: int, coefficients: int) -> Iterator[Strip]:
    """Cuts one image's guide (H, W) into strips whose coefficients stay in the cache."""
    height, width = guide.shape
    across = axis_places(width, columns, guide)
    most = STRIP_BYTES if guide.device.type == "cpu" else 64 * STRIP_BYTES
    step = max(1, most // (coefficients * width * guide.element_size()))
    for start in range(0, height, step):
        rows = slice(start, min(start + step, height))
        count = rows.stop - start
        along, slopes = depth_places(guide[rows], depth)
        base = torch.arange(count, device=guide.device).unsqueeze(1) * columns
        near, far = (
            tuple(((base + ix) * depth + iz).flatten() for iz in along.samples) for ix in across.samples
        )
        low, high = (weight.expand(count, -1).reshape(-1, 1) for weight in across.weights)
        yield Strip(
            rows,
            ((near[0], near[1]), (far[0], far[1])),
            (low, high),
            (along.weights[0].reshape(-1, 1), along.weights[1].reshape(-1, 1)),
            (slopes[0].flatten(), slopes[1].flatten()),
        )


def ends(table: Tensor, strip: Strip) -> tuple[Tensor, Tensor]:
    """The transforms (N, P) at the sample below and at the one above in depth."""
    (a, b), (c, d) = strip.places
    near, far = strip.across
    low = torch.addcmul(table[a] * near, table[c], far)
    return low, torch.addcmul(table[b] * near, table[d], far)


def compute_dtype(grid: Tensor) -> torch.dtype:
    """16-bit tensors are storage only on a CPU."""
    half = grid.dtype in (torch.float16, torch.bfloat16)
    return torch.float32 if half and grid.device.type == "cpu" else grid.dtype


def forward(grid: Tensor, guide: Tensor, image: Tensor | None) -> Tensor:
    """(B, O, H, W), or without an image the coefficients (B, K O, H, W), strip after strip."""
    b, height, width = guide.shape
    inputs, outputs, depth, rows, columns = grid.shape[1:]
    dtype, guide = compute_dtype(grid), guide.to(compute_dtype(grid))
    result = grid.new_empty(b, inputs * outputs if image is None else outputs, height, width)
    blended = blended_rows(grid.to(dtype), row_matrix(height, rows, guide))
    for n in range(b):
        for strip in strips(guide[n], depth, columns, inputs * outputs):
            low, high = ends(blended[n, strip.rows].flatten(0, 2), strip)
            values = torch.addcmul(low * strip.along[0], high, strip.along[1])
            if image is not None:
                pixels = image[n, :, strip.rows].to(dtype).flatten(1).T.unsqueeze(2)
                transforms = values.unflatten(1, (inputs, outputs))
                values = (transforms[:, :-1] * pixels).sum(1) + transforms[:, -1]
            result[n, :, strip.rows] = values.T.unflatten(1, (-1, width))
    return result


def backward(
    grad: Tensor, grid: Tensor, guide: Tensor, image: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of grid, guide and image (B, 0, H, W without one)."""
    b, height, width = guide.shape
    inputs, outputs, depth, rows, columns = grid.shape[1:]
    dtype, given = compute_dtype(grid), guide.to(compute_dtype(grid))
    matrix = row_matrix(height, rows, given)
    blended = blended_rows(grid.to(dtype), matrix)
    sums, grad_guide = torch.zeros_like(blended), torch.empty_like(given)
    grad_image = given.new_empty(b, 0 if image is None else inputs - 1, height, width)
    for n in range(b):
        for strip in strips(given[n], depth, columns, inputs * outputs):
            low, high = ends(blended[n, strip.rows].flatten(0, 2), strip)
            upstream = grad[n, :, strip.rows].to(dtype).flatten(1).T
            if image is not None:
                values = torch.addcmul(low * strip.along[0], high, strip.along[1])
                linear = values.unflatten(1, (inputs, outputs))[:, :-1]
                back = (linear * upstream.unsqueeze(1)).sum(2)
                grad_image[n, :, strip.rows] = back.T.unflatten(1, (-1, width))
                pixels = image[n, :, strip.rows].to(dtype).flatten(1).T
                pixels = torch.cat([pixels, pixels.new_ones(len(pixels), 1)], dim=1)
                upstream = (pixels.unsqueeze(2) * upstream.unsqueeze(1)).flatten(1)
            by_depth = [
                slope * (end * upstream).sum(1) for slope, end in zip(strip.slopes, (low, high), strict=True)
            ]
            grad_guide[n, strip.rows] = (by_depth[0] + by_depth[1]).view(-1, width)
            table = sums[n, strip.rows].view(-1, inputs * outputs)
            for places, wx in zip(strip.places, strip.across, strict=True):
                for place, wz in zip(places, strip.along, strict=True):
                    table.index_add_(0, place, upstream * (wx * wz))
    packed = (matrix.T @ sums.flatten(2)).view(b, rows, columns, depth, inputs, outputs)
    grad_grid = packed.permute(0, 4, 5, 3, 1, 2).to(grid.dtype).contiguous()
    return grad_grid, grad_guide.to(guide.dtype), grad_image.to(guide.dtype if image is None else image.dtype)
