"""Slow and obvious: each operation written as its definition, to test the fast ones against.

Axes: B batch, P parameters of one MLP, N label channels, C image channels, H height, W width, S tile.
"""

from __future__ import annotations

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
