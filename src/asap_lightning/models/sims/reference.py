"""The arithmetic of SIMS's networks value by value: slow, obvious, what the fast one is tested by."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def halved(features: Tensor, pooling: str) -> Tensor:
    """`trunk.halve`: of 3 x 3 values from where TensorFlow's ``SAME`` begins, those that are there."""
    batch, channels, height, width = features.shape
    down, across = math.ceil(height / 2), math.ceil(width / 2)
    top = max((down - 1) * 2 + 3 - height, 0) // 2
    left = max((across - 1) * 2 + 3 - width, 0) // 2
    rows = []
    for i in range(down):
        row = []
        for j in range(across):
            first, last = max(2 * i - top, 0), min(2 * i - top + 3, height)
            start, end = max(2 * j - left, 0), min(2 * j - left + 3, width)
            window = features[:, :, first:last, start:end].reshape(batch, channels, -1)
            row.append(window.amax(-1) if pooling == "max" else window.mean(-1))
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


def block_means(planes: Tensor) -> Tensor:
    """`trunk.block_means`: of what there is of every 2 x 2."""
    height, width = planes.shape[-2:]
    rows = []
    for i in range(0, height, 2):
        row = [planes[:, :, i : i + 2, j : j + 2].mean((2, 3)) for j in range(0, width, 2)]
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


def layer_normed(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(x - mean) / sqrt(variance + 1e-12) over all values of an image, then scale and shift by channel."""
    made = []
    for image in features:
        mean = image.sum() / image.numel()
        variance = ((image - mean) ** 2).sum() / image.numel()
        normal = (image - mean) / torch.sqrt(variance + 1e-12)
        made.append(torch.stack([normal[c] * weight[c] + bias[c] for c in range(len(normal))]))
    return torch.stack(made)


def warped(pictures: Tensor, theta: Tensor) -> Tensor:
    """`affine.warped`: each pixel from the four around its source, those outside being zero."""
    batch, channels, height, width = pictures.shape
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    images = []
    for b in range(batch):
        rows = []
        for i in range(height):
            row = []
            for j in range(width):
                x, y = j - middle_x, i - middle_y
                source_x = theta[b, 0, 0] * x + theta[b, 0, 1] * y + theta[b, 0, 2] + middle_x
                source_y = theta[b, 1, 0] * x + theta[b, 1, 1] * y + theta[b, 1, 2] + middle_y
                left, top = math.floor(source_x.item()), math.floor(source_y.item())
                value = pictures.new_zeros(channels)
                for near_y in (top, top + 1):
                    for near_x in (left, left + 1):
                        if 0 <= near_y < height and 0 <= near_x < width:
                            share = (1 - abs(source_x - near_x)) * (1 - abs(source_y - near_y))
                            value = value + share * pictures[b, :, near_y, near_x]
                row.append(value)
            rows.append(torch.stack(row, dim=-1))
        images.append(torch.stack(rows, dim=-2))
    return torch.stack(images)
