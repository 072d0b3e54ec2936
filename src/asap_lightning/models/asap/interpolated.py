"""The ablation with bilinearly interpolated phi, without a copy of phi for every pixel.

Interpolating the weights of a layer is the same as interpolating what the neighbouring tiles' layers give:
(sum_k a_k W_k) x = sum_k a_k (W_k x). Half a tile has the same four neighbours throughout, so the image is
processed in half tiles.

Axes: B batch, P parameters, N label channels, H height, W width, S tile, T half tiles, Q pixels of a half
tile.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.ops.encoding import positional_encoding, split_parameters
from asap_lightning.ops.layout import MlpLayout
from asap_lightning.ops.pixelwise import from_tiles, to_tiles


def pixelwise_mlp_bilinear(
    phi: Tensor,
    *,
    label: Tensor | None,
    image: Tensor | None,
    layout: MlpLayout,
) -> Tensor:
    """As `ops.pixelwise_mlp`, phi bilinearly upsampled (pixel centres, edges replicated).

    Returns:
        (B, out_channels, H, W) in [-1, 1].
    """
    tile = layout.tile
    if tile < 2:
        raise ValueError("bilinear phi needs tiles of at least 2 x 2 pixels")
    b, _, rows, columns = phi.shape
    planes = []
    if label is not None:
        planes.append(F.one_hot(label.long(), layout.num_classes).permute(0, 3, 1, 2).to(phi.dtype))
    if image is not None:
        planes.append(image.to(phi.dtype))
    if layout.positional_encoding:
        table = positional_encoding(tile, dtype=phi.dtype, device=phi.device)
        planes.append(table.repeat(1, rows, columns).expand(b, -1, -1, -1))
    half = tile // 2
    features = to_tiles(torch.cat(planes, dim=1), half)
    neighbours = [(parameters, share.unsqueeze(-1)) for parameters, share in _neighbours(phi, half)]
    layers = [(split_parameters(parameters, layout.widths), share) for parameters, share in neighbours]
    for index in range(layout.depth):
        terms = []
        for parameters, share in layers:
            bias, weight = parameters[index]
            terms.append(share * torch.baddbmm(bias.unsqueeze(1), features, weight))
        total = torch.stack(terms).sum(0)
        features = F.leaky_relu(total, layout.negative_slope) if index < layout.depth - 1 else total.tanh()
    return from_tiles(features, b, rows * tile, columns * tile, half)


def _neighbours(phi: Tensor, half: int) -> list[tuple[Tensor, Tensor]]:
    """For each half tile its four neighbouring phi (T, P) and their shares a_k (T, Q)."""
    b, p, rows, columns = phi.shape
    padded = F.pad(phi, (1, 1, 1, 1), mode="replicate")
    first_row, share_y = _axis(rows, half, phi)
    first_column, share_x = _axis(columns, half, phi)
    result = []
    for down in (0, 1):
        for right in (0, 1):
            corner = padded[:, :, first_row + down][:, :, :, first_column + right]
            y = share_y if down else 1 - share_y
            x = share_x if right else 1 - share_x
            share = y[:, None, :, None] * x[None, :, None, :]
            share = share.reshape(1, -1, half * half).expand(b, -1, -1).reshape(-1, half * half)
            result.append((corner.permute(0, 2, 3, 1).reshape(-1, p), share))
    return result


def _axis(count: int, half: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Per half tile along one axis: index of its first neighbour in the padded grid, share of the second."""
    index = torch.arange(2 * count, device=like.device)
    first = (index + 1) // 2
    place = (torch.arange(half, device=like.device, dtype=like.dtype) + 0.5) / (2 * half)
    share = torch.where(index[:, None] % 2 == 0, 0.5 + place, place)
    return first, share
