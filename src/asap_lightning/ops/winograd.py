"""Winograd's minimal filtering F(m x m, 3 x 3) in plain torch (Lavin & Gray 2015).

    Y = A^T [ (G g G^T) * (B^T d B) ] A

g: 3x3 weights, d: (m + 2) x (m + 2) patch, Y: m x m outputs; the product in the middle, for all channels, is
one matrix product for each of the (m + 2)^2 entries.

Axes: B batch, C input and O output channels, H height, W width, D x E Winograd tiles, A entries of a
transformed patch ((m + 2)^2).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_TRANSFORMS = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}


def _transform_matrices(m: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """B^T x B^T, G x G and A^T x A^T (Kronecker): the transforms of flattened patches."""
    pairs = (torch.tensor(matrix, dtype=torch.float64, device=like.device) for matrix in _TRANSFORMS[m])
    inputs, filters, outputs = (torch.kron(matrix, matrix) for matrix in pairs)
    return inputs, filters, outputs


def transform_filters(weight: Tensor, m: int) -> Tensor:
    """G g G^T: (O, C, 3, 3) -> (A, C, O), computed in float64."""
    _, filters, _ = _transform_matrices(m, weight)
    transformed = filters @ weight.double().flatten(2).permute(2, 1, 0).flatten(1)
    return transformed.view(-1, weight.shape[1], weight.shape[0]).to(weight.dtype)


def winograd_convolution(image: Tensor, weight: Tensor, m: int, mode: str) -> Tensor:
    """3x3 convolution of stride 1 with transformed weights (A, C, O): (B, C, H, W) -> (B, O, H, W)."""
    b, c, height, width = image.shape
    down, across = -(-height // m), -(-width // m)
    padded = F.pad(image, (1, 1, 1, 1), mode=mode)
    padded = F.pad(padded, (0, across * m - width, 0, down * m - height))
    if m == 2:
        return _by_sums(padded, weight, down, across)[:, :, :height, :width]
    inputs, _, outputs = (matrix.to(image.dtype) for matrix in _transform_matrices(m, image))
    patches = padded.unfold(2, m + 2, m).unfold(3, m + 2, m)
    patches = patches.permute(4, 5, 0, 2, 3, 1).reshape((m + 2) ** 2, -1)
    domain = (inputs @ patches).view((m + 2) ** 2, b * down * across, c)
    products = torch.bmm(domain, weight)
    tiles = (outputs @ products.flatten(1)).view(m, m, b, down, across, -1)
    result = tiles.permute(2, 5, 3, 0, 4, 1).reshape(b, -1, down * m, across * m)
    return result[:, :, :height, :width]


def _by_sums(padded: Tensor, weight: Tensor, down: int, across: int) -> Tensor:
    """F(2 x 2, 3 x 3) with its transforms as the sums and differences that they are.

    (B, C, 2 D + 2, 2 E + 2) -> (B, O, 2 D, 2 E), stored channels-last.
    """
    image = padded.permute(0, 2, 3, 1).contiguous()
    b, _, _, c = image.shape
    domain = image.new_empty(4, 4, b, down, across, c)
    rows = [image[:, i : i + 2 * down - 1 : 2] for i in range(4)]
    lines = (rows[0] - rows[2], rows[1] + rows[2], rows[2] - rows[1], rows[1] - rows[3])
    for line, out in zip(lines, domain, strict=True):
        d0, d1, d2, d3 = (line[:, :, j : j + 2 * across - 1 : 2] for j in range(4))
        torch.sub(d0, d2, out=out[0])
        torch.add(d1, d2, out=out[1])
        torch.sub(d2, d1, out=out[2])
        torch.sub(d1, d3, out=out[3])
    products = torch.bmm(domain.view(16, -1, c), weight).view(4, 4, b, down, across, -1)
    upper = [(m[0] + m[1]).add_(m[2]) for m in products]
    lower = [(m[1] - m[2]).sub_(m[3]) for m in products]
    result = image.new_empty(b, 2 * down, 2 * across, products.shape[-1])
    for j, part in enumerate((upper, lower)):
        torch.add(part[0] + part[1], part[2], out=result[:, 0::2, j::2])
        torch.sub(part[1] - part[2], part[3], out=result[:, 1::2, j::2])
    return result.permute(0, 3, 1, 2)
