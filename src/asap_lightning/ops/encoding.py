"""The positional encoding of the pixelwise stream, and how its parameters are cut into layers.

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
    planes = []
    for wave in axis_encoding(tile, dtype=dtype, device=device).T.split(2):
        planes += [along.expand(tile, tile) for along in wave]
        planes += [along.unsqueeze(1).expand(tile, tile) for along in wave]
    if not planes:
        return torch.zeros(0, tile, tile, dtype=dtype, device=device)
    return torch.stack(planes)


def axis_encoding(
    tile: int, *, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Tensor:
    """The encoding along one axis: cos(2 pi i/f), sin(2 pi i/f) for f = S, S/2, .., 2.

    The encoding is separable: `positional_encoding` at (y, x) is row x and row y of this table, interleaved.
    Angles are taken inside one period and in float32 (float64 for float64), as in the authors' program: their
    recordings are reproduced to the last bit, which matters because training amplifies it.

    Returns:
        (S, 2 log2(S)).
    """
    precision = torch.float64 if dtype == torch.float64 else torch.float32
    place = torch.arange(tile, dtype=precision, device=device)
    waves = []
    for octave in range(check_tile(tile)):
        period = tile >> octave
        angle = 2 * math.pi * (place % period) / period
        waves += [angle.cos(), angle.sin()]
    return torch.stack(waves, dim=1).to(dtype) if waves else torch.zeros(tile, 0, dtype=dtype, device=device)


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
