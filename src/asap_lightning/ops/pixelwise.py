"""The pixelwise stream: every full-resolution pixel through its own tile's MLP.

Axes: B batch, P parameters of one MLP, N label channels, C image channels, H height, W width, S tile,
T tiles (B H/S W/S), Q pixels of a tile (S S).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.ops import reference
from asap_lightning.ops import encoding as enc
from asap_lightning.ops.encoding import mlp_widths, parameter_count, split_parameters


def to_tiles(image: Tensor, tile: int) -> Tensor:
    """(B, C, H, W) -> (T, Q, C); the inverse of `from_tiles`."""
    b, c, h, w = image.shape
    tiles = image.reshape(b, c, h // tile, tile, w // tile, tile)
    return tiles.permute(0, 2, 4, 3, 5, 1).reshape(-1, tile * tile, c)


def from_tiles(tiles: Tensor, batch: int, height: int, width: int, tile: int) -> Tensor:
    """(T, Q, C) -> (B, C, H, W)."""
    c = tiles.shape[-1]
    grid = tiles.reshape(batch, height // tile, width // tile, tile, tile, c)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(batch, c, height, width)


def pixelwise_mlp(
    phi: Tensor,
    *,
    label: Tensor | None = None,
    image: Tensor | None = None,
    tile: int,
    width: int = 64,
    depth: int = 5,
    num_classes: int = 0,
    out_channels: int = 3,
    positional_encoding: bool = True,
    negative_slope: float = 0.01,
    backend: str | None = None,
) -> Tensor:
    """Runs every pixel through the MLP of its tile (ASAP-Net section 3.2).

    y_p = tanh(MLP([onehot(label_p), image_p, enc(p)]; phi_tile(p))), leaky ReLU between the layers.

    Args:
        phi: (B, P, H/S, W/S) parameters of one MLP a tile: layer after layer the n_out biases, then the
            n_in x n_out weights, input index major.
        label: (B, H, W) class ids in [0, N), any integer dtype.
        image: (B, C, H, W) continuous channels; they come after the label's.
        tile: side S of a tile in pixels, a power of two.
        width: hidden channels.
        depth: number of layers.
        num_classes: N, when a label is given.
        out_channels: channels of the result.
        positional_encoding: whether the 4 log2(S) encoding channels are appended.
        negative_slope: of the leaky ReLU.
        backend: ``reference``, ``torch``; None chooses.

    Returns:
        (B, out_channels, H, W) in [-1, 1].

    Raises:
        ValueError: shapes that do not fit, S not a power of two, label ids outside the classes.
    """
    inputs = _count_inputs(label, image, num_classes, tile, positional_encoding)
    widths = mlp_widths(inputs, width=width, depth=depth, outputs=out_channels)
    _check(phi, label, image, tile, num_classes, parameter_count(widths))
    if backend == "reference":
        return reference.pixelwise_mlp(
            phi, label=label, image=image, tile=tile, width=width, depth=depth, num_classes=num_classes,
            out_channels=out_channels, positional_encoding_on=positional_encoding, negative_slope=negative_slope,
        )  # fmt: skip
    return _torch(phi, label, image, tile, widths, num_classes, positional_encoding, negative_slope)


def _count_inputs(
    label: Tensor | None, image: Tensor | None, num_classes: int, tile: int, encoding: bool
) -> int:
    if label is None and image is None:
        raise ValueError("pixelwise_mlp needs a label map, an image, or both")
    channels = enc.encoding_channels(tile) if encoding else 0
    channels += num_classes if label is not None else 0
    return channels + (image.shape[1] if image is not None else 0)


def _check(
    phi: Tensor, label: Tensor | None, image: Tensor | None, tile: int, num_classes: int, parameters: int
) -> None:
    if phi.ndim != 4 or phi.shape[1] != parameters:
        raise ValueError(f"phi must be (B, {parameters}, H/S, W/S), got {tuple(phi.shape)}")
    b, _, rows, columns = phi.shape
    size = (rows * tile, columns * tile)
    for name, tensor in (("label", label), ("image", image)):
        if tensor is not None and (tensor.shape[0] != b or tuple(tensor.shape[-2:]) != size):
            raise ValueError(
                f"{name} must have batch {b} and size {size[0]} x {size[1]} (phi's grid times S = {tile}), "
                f"got {tuple(tensor.shape)}"
            )
    if label is not None and label.numel():
        low, high = int(label.min()), int(label.max())
        if low < 0 or high >= num_classes:
            raise ValueError(f"label ids must lie in [0, {num_classes}), found {low}..{high}")


def _torch(
    phi: Tensor,
    label: Tensor | None,
    image: Tensor | None,
    tile: int,
    widths: list[int],
    num_classes: int,
    encoding: bool,
    negative_slope: float,
) -> Tensor:
    """Batched matmul over tiles; the label's first layer is a row look-up, never a one-hot."""
    b, _, rows, columns = phi.shape
    per_tile = phi.permute(0, 2, 3, 1).reshape(b * rows * columns, -1)
    layers = split_parameters(per_tile, widths)
    bias, weight = layers[0]
    features = bias.unsqueeze(1)
    start = 0
    if label is not None:
        ids = to_tiles(label.unsqueeze(1), tile).squeeze(-1).long()
        rows_of_label = weight[:, :num_classes]
        features = features + torch.gather(
            rows_of_label, 1, ids.unsqueeze(-1).expand(-1, -1, rows_of_label.shape[-1])
        )
        start = num_classes
    if image is not None:
        channels = image.shape[1]
        features = features + to_tiles(image.to(phi.dtype), tile) @ weight[:, start : start + channels]
        start += channels
    if encoding and weight.shape[1] > start:
        table = enc.positional_encoding(tile, dtype=phi.dtype, device=phi.device).flatten(1).T
        features = features + table @ weight[:, start:]
    for bias, weight in layers[1:]:
        features = torch.baddbmm(bias.unsqueeze(1), F.leaky_relu(features, negative_slope), weight)
    return from_tiles(features.tanh(), b, rows * tile, columns * tile, tile)
