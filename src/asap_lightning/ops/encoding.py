"""The positional encoding of the pixelwise stream, and the layout of its parameters.

Axes: B batch, P parameters of one MLP, H height, W width, S tile side, K encoding channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor


def check_tile(tile: int) -> int:
    """Returns log2(tile); ValueError unless ``tile`` is a power of two."""
    if tile < 1 or tile & (tile - 1):
        raise ValueError(f"the tile side S must be a power of two, got {tile}")
    return tile.bit_length() - 1


def encoding_channels(tile: int) -> int:
    """Number of encoding channels K = 4 log2(S)."""
    return 4 * check_tile(tile)


def positional_encoding(
    tile: int, *, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Tensor:
    """Sinusoids of the pixel's place inside its tile (ASAP-Net section 3.3).

    For f = S, S/2, .., 2: cos(2 pi x/f), sin(2 pi x/f), cos(2 pi y/f), sin(2 pi y/f). The image-wide
    encoding repeats from tile to tile, so this one table serves the whole image.

    Returns:
        (K, S, S), rows y, columns x.
    """
    octaves = check_tile(tile)
    place = torch.arange(tile, dtype=torch.float64, device=device)
    planes = []
    for octave in range(octaves):
        angle = 2 * math.pi * place / (tile >> octave)
        x, y = angle.expand(tile, tile), angle.unsqueeze(1).expand(tile, tile)
        planes += [x.cos(), x.sin(), y.cos(), y.sin()]
    if not planes:
        return torch.zeros(0, tile, tile, dtype=dtype, device=device)
    return torch.stack(planes).to(dtype)


def axis_encoding(
    tile: int, *, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Tensor:
    """The encoding along one axis: cos(2 pi i/f), sin(2 pi i/f) for f = S, S/2, .., 2.

    The encoding is separable: `positional_encoding` at (y, x) is row x and row y of this table, interleaved.

    Returns:
        (S, 2 log2(S)).
    """
    place = torch.arange(tile, dtype=torch.float64, device=device).unsqueeze(1)
    frequency = torch.pow(2.0, torch.arange(check_tile(tile), dtype=torch.float64, device=device))
    angle = 2 * math.pi / tile * place * frequency
    return torch.stack([angle.cos(), angle.sin()], dim=-1).flatten(1).to(dtype)


def mlp_widths(inputs: int, *, width: int, depth: int, outputs: int) -> list[int]:
    """Channels along the MLP: [inputs, width, .., width, outputs], ``depth`` layers."""
    if depth < 2 or width < 1 or inputs < 1:
        raise ValueError(f"an MLP needs inputs, width >= 1 and depth >= 2, got {inputs}, {width}, {depth}")
    return [inputs, *[width] * (depth - 1), outputs]


def parameter_count(widths: Sequence[int]) -> int:
    """Number of parameters P of one MLP: (n_in + 1) n_out, summed over its layers."""
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))


def split_parameters(phi: Tensor, widths: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
    """Cuts (..., P) into layers: biases (..., n_out) and weights (..., n_in, n_out).

    Layer after layer, first the biases, then the weights with the input index major.
    """
    layers, start = [], 0
    for n_in, n_out in pairwise(widths):
        bias = phi[..., start : start + n_out]
        start += n_out
        weight = phi[..., start : start + n_in * n_out].unflatten(-1, (n_in, n_out))
        start += n_in * n_out
        layers.append((bias, weight))
    return layers
