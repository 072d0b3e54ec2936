"""The pixelwise stream in plain torch: a first layer from tables, work cut to the size of the cache.

The positional encoding is separable, so the first layer needs no matrix product (exact):
W1 [onehot; image; enc(x, y)] + b1 = X[x] + Y[y] + W1[label] + W1 image, with one small table X and Y a tile.

Axes: T tiles, G tiles of one group, P parameters, N label channels, C image channels, O outputs, D hidden
width, Q pixels of a tile (S S), F encoding channels of one axis (2 log2 S).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.ops.encoding import axis_encoding, split_parameters
from asap_lightning.ops.layout import MlpLayout
from asap_lightning.ops.tiles import from_tiles, planes_from_tiles, to_tiles

CACHE_BYTES = (
    1 << 22
)  # of one hidden layer of a group: large enough that calls are few, small enough for a cache


class FirstLayer(NamedTuple):
    """The parts of the first layer of G tiles, all views of phi."""

    bias: Tensor  # (G, D)
    label: Tensor  # (G, N, D)
    image: Tensor  # (G, C, D)
    x: Tensor  # (G, log2 S, 2, D): for each frequency the rows of cos and sin
    y: Tensor  # (G, log2 S, 2, D)


def split_first(bias: Tensor, weight: Tensor, layout: MlpLayout) -> FirstLayer:
    """Cuts the first layer (G, D), (G, n_in, D) into its kinds of input."""
    n, c = layout.num_classes, layout.image_channels
    encoded = weight[:, n + c :].unflatten(1, (layout.encoding // 4, 2, 2))
    x, y = encoded.unbind(2)
    return FirstLayer(bias, weight[:, :n], weight[:, n : n + c], x, y)


def differentiable(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> Tensor:
    """All tiles at once by operations that autograd, `torch.export` and ONNX understand.

    Needs memory for every hidden layer of the whole image; label ids are checked by the look-up itself.
    """
    b, _, rows, columns = phi.shape
    parameters = phi.permute(0, 2, 3, 1).reshape(b * rows * columns, -1)
    (bias, weight), *layers = split_parameters(parameters, layout.widths)
    first = split_first(bias, weight, layout)
    hidden = first.bias.unsqueeze(1).expand(-1, layout.tile**2, -1)
    if layout.encoding:
        table = axis_encoding(layout.tile, dtype=phi.dtype, device=phi.device)
        across, down = table @ first.x.flatten(1, 2), table @ first.y.flatten(1, 2)
        hidden = hidden + (across.unsqueeze(1) + down.unsqueeze(2)).flatten(1, 2)
    if label is not None:
        ids = to_tiles(label.unsqueeze(1), layout.tile).long()
        hidden = hidden + _looked_up(first.label, ids.squeeze(-1))
    if image is not None:
        hidden = hidden + to_tiles(image.to(phi.dtype), layout.tile) @ first.image
    for bias, weight in layers:
        hidden = torch.baddbmm(bias.unsqueeze(1), F.leaky_relu(hidden, layout.negative_slope), weight)
    return from_tiles(hidden.tanh(), b, rows * layout.tile, columns * layout.tile, layout.tile)


def _looked_up(label: Tensor, ids: Tensor) -> Tensor:
    """The label's part of the first layer (T, Q, D): row ``ids`` (T, Q) of each tile's weights (T, N, D)."""
    tiles, classes, width = label.shape
    offset = torch.arange(tiles, device=label.device).unsqueeze(1) * classes
    return label.reshape(tiles * classes, width)[ids + offset]  # whole rows: a third faster in ONNX Runtime


class Group(NamedTuple):
    """The inputs of one group of tiles."""

    span: slice
    parameters: Tensor  # (G, P)
    ids: Tensor | None  # (G Q), rows of the group's (G N, D) label weights
    planes: Tensor | None  # (G, Q, C)


def groups(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> Iterator[Group]:
    """Cuts the work into groups of tiles whose hidden layers stay in the cache."""
    b, _, rows, columns = phi.shape
    count = b * rows * columns
    compute = compute_dtype(phi)
    parameters = phi.permute(0, 2, 3, 1).reshape(count, -1)
    ids = None if label is None else to_tiles(label.unsqueeze(1), layout.tile).squeeze(-1)
    planes = None if image is None else to_tiles(image, layout.tile)
    size = group_size(layout, compute, phi.device)
    for start in range(0, count, size):
        span = slice(start, min(start + size, count))
        flat = None
        if ids is not None:
            offset = torch.arange(span.stop - start, device=phi.device).unsqueeze(1) * layout.num_classes
            flat = (ids[span].long() + offset).reshape(-1)
        chunk = None if planes is None else planes[span].to(compute)
        yield Group(span, parameters[span].to(compute), flat, chunk)


def group_size(layout: MlpLayout, dtype: torch.dtype, device: torch.device) -> int:
    """Tiles a group: as many as `CACHE_BYTES` hold on a CPU; 64 MiB worth of them on a GPU."""
    one = layout.tile**2 * layout.width * dtype.itemsize
    return max(1, (CACHE_BYTES if device.type == "cpu" else 64 << 20) // one)


def compute_dtype(phi: Tensor) -> torch.dtype:
    """16-bit tensors are storage only on a CPU: the sums are made in float32."""
    half = phi.dtype in (torch.float16, torch.bfloat16)
    return torch.float32 if half and phi.device.type == "cpu" else phi.dtype


def first_layer(
    group: Group, first: FirstLayer, layout: MlpLayout, table: Tensor, out: Tensor, scratch: Tensor
) -> Tensor:
    """Writes the first layer before its activation (G, Q, D) to ``out``; ``table`` is `axis_encoding`."""
    side = layout.tile
    if layout.encoding:
        across = first.bias.unsqueeze(1) + table @ first.x.flatten(1, 2)
        down = table @ first.y.flatten(1, 2)
        torch.add(across.unsqueeze(1), down.unsqueeze(2), out=out.unflatten(1, (side, side)))
    else:
        out.copy_(first.bias.unsqueeze(1).expand_as(out))
    if group.ids is not None:
        rows = first.label.reshape(-1, layout.width)
        out.add_(torch.index_select(rows, 0, group.ids, out=scratch.view(-1, layout.width)).view_as(out))
    if group.planes is not None:
        out.baddbmm_(group.planes, first.image)
    return out


def forward(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> Tensor:
    """The forward pass without autograd, group after group in two reused buffers."""
    b, _, rows, columns = phi.shape
    count, pixels = b * rows * columns, layout.tile**2
    compute = compute_dtype(phi)
    result = phi.new_empty(count, layout.out_channels, pixels)
    size = min(group_size(layout, compute, phi.device), count)
    buffers = phi.new_empty(2, size, pixels, layout.width, dtype=compute)
    table = axis_encoding(layout.tile, dtype=compute, device=phi.device)
    for group in groups(phi, label, image, layout):
        here, there = buffers[:, : len(group.parameters)]
        (bias, weight), *inner, last = split_parameters(group.parameters, layout.widths)
        first_layer(group, split_first(bias, weight, layout), layout, table, here, there)
        for bias, weight in inner:
            F.leaky_relu_(here, layout.negative_slope)
            torch.baddbmm(bias.unsqueeze(1), here, weight, out=there)
            here, there = there, here
        F.leaky_relu_(here, layout.negative_slope)
        bias, weight = last
        output = torch.baddbmm(bias.unsqueeze(2), weight.transpose(1, 2), here.transpose(1, 2))
        result[group.span] = output.tanh_()
    return planes_from_tiles(result, b, rows * layout.tile, columns * layout.tile, layout.tile)


def backward(
    grad: Tensor, phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout
) -> tuple[Tensor, Tensor]:
    """Gradients of phi (B, P, H/S, W/S; stored tile-major) and image (B, C, H, W; C = 0 without one).

    The hidden layers are computed again, group after group.
    """
    b, _, rows, columns = phi.shape
    compute = compute_dtype(phi)
    grad_phi = phi.new_empty(b * rows * columns, layout.parameters)
    grad_tiles = to_tiles(grad, layout.tile)
    grad_image = phi.new_empty(b * rows * columns, layout.tile**2, layout.image_channels)
    table = axis_encoding(layout.tile, dtype=compute, device=phi.device)
    for group in groups(phi, label, image, layout):
        piece = grad_phi.new_empty(len(group.parameters), layout.parameters, dtype=compute)
        back = _backward_group(group, grad_tiles[group.span].to(compute), piece, layout, table)
        grad_phi[group.span] = piece
        if back is not None:
            grad_image[group.span] = back.to(grad_image.dtype)
    height, width = rows * layout.tile, columns * layout.tile
    dtype = phi.dtype if image is None else image.dtype
    image_planes = from_tiles(grad_image.to(dtype), b, height, width, layout.tile)
    return grad_phi.view(b, rows, columns, -1).permute(0, 3, 1, 2), image_planes.contiguous()


def _backward_group(
    group: Group, grad: Tensor, out: Tensor, layout: MlpLayout, table: Tensor
) -> Tensor | None:
    """Writes the group's gradient of phi to ``out`` (G, P); returns that of its image (G, Q, C)."""
    (bias, weight), *layers = split_parameters(group.parameters, layout.widths)
    first = split_first(bias, weight, layout)
    shape = (len(out), layout.tile**2, layout.width)
    hidden = [first_layer(group, first, layout, table, out.new_empty(shape), out.new_empty(shape))]
    for bias, weight in layers:
        F.leaky_relu_(hidden[-1], layout.negative_slope)
        hidden.append(torch.baddbmm(bias.unsqueeze(1), hidden[-1], weight))
    output = hidden.pop().tanh_()
    back = grad * (1 - output * output)
    (grad_bias, grad_weight), *grad_layers = split_parameters(out, layout.widths)
    for index in reversed(range(len(layers))):
        inputs = hidden[index]
        torch.sum(back, 1, out=grad_layers[index][0])
        grad_layers[index][1].copy_(inputs.transpose(1, 2) @ back)
        back = back @ layers[index][1].transpose(1, 2)
        back = torch.where(inputs > 0, back, back * layout.negative_slope)
    return _backward_first(group, back, split_first(grad_bias, grad_weight, layout), first, layout, table)


def _backward_first(
    group: Group, back: Tensor, grads: FirstLayer, first: FirstLayer, layout: MlpLayout, table: Tensor
) -> Tensor | None:
    """The first layer's gradients from ``back`` (G, Q, D), written to the views ``grads``."""
    torch.sum(back, 1, out=grads.bias)
    if layout.encoding:
        grid = back.unflatten(1, (layout.tile, layout.tile))
        octaves = (layout.encoding // 4, 2)
        grads.x.copy_((table.T @ grid.sum(1)).unflatten(1, octaves))
        grads.y.copy_((table.T @ grid.sum(2)).unflatten(1, octaves))
    if group.ids is not None:
        rows = back.new_zeros(len(back) * layout.num_classes, layout.width)
        rows.index_add_(0, group.ids, back.flatten(0, 1))
        grads.label.copy_(rows.view_as(grads.label))
    if group.planes is None:
        return None
    grads.image.copy_(group.planes.transpose(1, 2) @ back)
    return back @ first.image.transpose(1, 2)
