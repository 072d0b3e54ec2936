"""Slow and obvious: each operation written as its definition, to test the fast ones against.

Axes: B batch, P parameters of one MLP, N label channels, C image channels, H height, W width, S tile; of a
bilateral grid K inputs of a transform (the image's channels, then the offset), O outputs, D depth, h and w.
"""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.ops.encoding import positional_encoding, split_parameters
from asap_lightning.ops.layout import MlpLayout
from asap_lightning.ops.tiles import from_tiles, to_tiles


def one_hot(label: Tensor, num_classes: int, dtype: torch.dtype) -> Tensor:
    """(B, H, W) ids -> (B, N, H, W)."""
    return F.one_hot(label.long(), num_classes).permute(0, 3, 1, 2).to(dtype)


def pixelwise_mlp(phi: Tensor, *, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> Tensor:
    """The definition: one-hot and encoding concatenated, one matrix product a tile and layer.

    Rounds as the authors' program does, so that whole trainings can be compared.
    """
    b, _, rows, columns = phi.shape
    planes = [] if label is None else [one_hot(label, layout.num_classes, phi.dtype)]
    planes += [] if image is None else [image.to(phi.dtype)]
    if layout.positional_encoding:
        table = positional_encoding(layout.tile, dtype=phi.dtype, device=phi.device)
        planes.append(table.repeat(1, rows, columns).expand(b, -1, -1, -1))
    features = to_tiles(torch.cat(planes, dim=1), layout.tile)
    layers = split_parameters(phi.permute(0, 2, 3, 1).flatten(0, 2), layout.widths)
    for index, (bias, weight) in enumerate(layers):
        features = torch.matmul(features, weight) + bias.unsqueeze(1)
        if index < len(layers) - 1:
            features = F.leaky_relu(features, layout.negative_slope)
    return from_tiles(features.tanh(), b, rows * layout.tile, columns * layout.tile, layout.tile)


def tent_filter(s1: int) -> Tensor:
    """The separable low-pass of the low-res input: 1, 3, .., 2 S1 - 1, 2 S1 - 1, .., 3, 1, normalised."""
    rise = torch.arange(1, 2 * s1, 2, dtype=torch.float64)
    tent = torch.cat([rise, rise.flip(0)])
    return tent / tent.sum()


def tent_downsample(image: Tensor, s1: int) -> Tensor:
    """(B, C, H, W) -> (B, C, H/S1, W/S1): tent filter, reflection padding S1/2, stride S1."""
    if s1 == 1:
        return image
    channels = image.shape[1]
    tent = tent_filter(s1).to(image)
    pad = s1 // 2
    padded = F.pad(image, (pad, pad, pad, pad), mode="reflect")
    across = F.conv2d(padded, tent.expand(channels, 1, 1, -1), stride=(1, s1), groups=channels)
    return F.conv2d(
        across, tent.view(1, 1, -1, 1).expand(channels, 1, -1, 1), stride=(s1, 1), groups=channels
    )


def class_pool(label: Tensor, *, num_classes: int, s1: int, dtype: torch.dtype) -> Tensor:
    """One-hot planes of the label map, tent-filtered and downsampled by S1."""
    return tent_downsample(one_hot(label, num_classes, dtype), s1)


def bilateral_slice(grid: Tensor, guide: Tensor) -> Tensor:
    """(B, K, O, D, h, w) at the pixels of a guide (B, H, W) -> (B, K, O, H, W), sample by sample.

    A pixel lies at gx = (x + 1/2) w / W, gy = (y + 1/2) h / H, gz = guide D; sample i of an axis at i + 1/2.
    The eight samples around it count with the tents max(0, 1 - |d|), in depth max(0, 1 - sqrt(d^2 + 1e-8)).
    Beyond the border the last sample stands in.
    """
    depth, rows, columns = grid.shape[3:]
    height, width = guide.shape[1:]
    y = (torch.arange(height, dtype=guide.dtype, device=guide.device) + 0.5) * rows / height
    x = (torch.arange(width, dtype=guide.dtype, device=guide.device) + 0.5) * columns / width
    z = guide * depth
    batch = torch.arange(len(guide), device=guide.device).view(-1, 1, 1)
    total = grid.new_zeros(())
    for dz, dy, dx in product((0, 1), repeat=3):
        iz, iy, ix = (torch.floor(place - 0.5) + step for place, step in ((z, dz), (y, dy), (x, dx)))
        weight = (1 - ((iz + 0.5 - z) ** 2 + 1e-8).sqrt()).clamp(min=0)
        weight = weight * (1 - (iy + 0.5 - y).abs()).clamp(min=0).view(-1, 1)
        weight = weight * (1 - (ix + 0.5 - x).abs()).clamp(min=0)
        sample = grid[
            batch,
            :,
            :,
            iz.clamp(0, depth - 1).nan_to_num().long(),
            iy.clamp(0, rows - 1).long().view(-1, 1),
            ix.clamp(0, columns - 1).long(),
        ]  # (B, H, W, K, O)
        total = total + sample * weight[..., None, None]
    return total.permute(0, 3, 4, 1, 2)


def bilateral_slice_apply(grid: Tensor, guide: Tensor, image: Tensor) -> Tensor:
    """Each pixel of the image (B, K - 1, H, W) through its own affine transform -> (B, O, H, W)."""
    transforms = bilateral_slice(grid, guide)
    return (transforms[:, :-1] * image.unsqueeze(2)).sum(1) + transforms[:, -1]
