"""The Triton backend: a fused forward on CUDA, and a backward that recomputes.

float16 is the better 16-bit type here: rounding phi to bfloat16 costs about 18 dB more of the image's
accuracy at the same speed. float32 runs its products in TF32 where `torch.set_float32_matmul_precision`
allows it, else in three TF32 products that add up to float32's accuracy.
"""

from __future__ import annotations

import importlib.util
import os
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.ops.devices import on_device
from asap_lightning.ops.encoding import positional_encoding, split_parameters
from asap_lightning.ops.layout import MlpLayout
from asap_lightning.ops.pixelwise_torch import split_first
from asap_lightning.ops.tiles import from_tiles, to_tiles

BLOCK = 128  # pixels a block
BACKWARD_WARPS = 8
POOL_BLOCK = 64  # places of the result a program
MINIMUM = 16  # the smallest side of a matrix product on a tensor core
LAYER_BYTES = 256 << 20  # of hidden layers that the backward pass holds at a time


def load_failure(device: torch.device) -> str:
    """Why Triton cannot run on ``device``; empty if it can."""
    if importlib.util.find_spec("triton") is None:
        return "the triton package is not installed"
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return "" if major >= 8 else f"it needs compute capability 8.0 or newer, this GPU has {major}.{minor}"
    return (
        "" if interpreted and device.type == "cpu" else f"it runs on CUDA GPUs, the tensors are on {device}"
    )


def pad_to_power_of_two(count: int) -> int:
    """The smallest power of two that is at least ``count`` and at least 16."""
    return max(MINIMUM, 1 << (count - 1).bit_length()) if count else MINIMUM


def precision(dtype: torch.dtype) -> str:
    """How products of float32 operands are made: TF32 if allowed, else three that keep float32's accuracy."""
    exact = torch.get_float32_matmul_precision() == "highest"
    return "tf32x3" if dtype == torch.float32 and exact else "tf32"


@lru_cache(maxsize=16)
def _table(tile: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    table = positional_encoding(tile, dtype=dtype, device=device)
    return table.flatten(1).T.contiguous()


def constants(layout: MlpLayout, dtype: torch.dtype) -> dict[str, Any]:
    """The compile-time arguments that both kernels share."""
    return dict(
        TILE=layout.tile,
        DEPTH=layout.depth,
        CHANNELS=layout.image_channels,
        HAS_LABEL=layout.num_classes > 0,
        HAS_ENCODING=layout.encoding > 0,
        D=pad_to_power_of_two(layout.width),
        K=pad_to_power_of_two(layout.encoding),
        O=pad_to_power_of_two(layout.out_channels),
        PRECISION=precision(dtype),
    )


def _inputs(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> tuple[Any, ...]:
    """Pointers: phi tile-major (copied only if it lies otherwise), table, label, image."""
    parameters = phi.permute(0, 2, 3, 1).contiguous()
    table = _table(layout.tile, phi.dtype, phi.device) if layout.encoding else parameters
    return (
        parameters,
        table,
        parameters if label is None else label,
        parameters if image is None else image,
    )


def _strides(label: Tensor | None, image: Tensor | None) -> tuple[int, ...]:
    label_strides = (0, 0, 0) if label is None else label.stride()
    return (*label_strides, *((0, 0, 0, 0) if image is None else image.stride()))


def _sizes(phi: Tensor, layout: MlpLayout) -> tuple[Any, ...]:
    _, parameters, rows, columns = phi.shape
    return (
        rows,
        columns,
        parameters,
        layout.width,
        layout.num_classes,
        layout.encoding,
        layout.out_channels,
        layout.negative_slope,
    )


def parts(tiles: int, blocks: int) -> int:
    """Programs a tile: enough to fill a large GPU (about 2048 in all), each with equally many blocks."""
    count = 1
    while count < blocks and tiles * count < 2048:
        count *= 2
    return min(count, blocks)


def pixelwise_forward(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> Tensor:
    """See `asap_lightning.ops.pixelwise_mlp`; ids outside the classes are never read with."""
    from asap_lightning.ops import triton_kernels

    b, _, rows, columns = phi.shape
    out = phi.new_empty(b, layout.out_channels, rows * layout.tile, columns * layout.tile)
    tiles, pixels = b * rows * columns, layout.tile**2
    block = min(BLOCK, max(MINIMUM, pixels))
    blocks = -(-pixels // block)
    programs = parts(tiles, blocks)
    with on_device(phi.device):
        triton_kernels.pixelwise_forward[(tiles, programs)](
            *_inputs(phi, label, image, layout),
            out,
            *_strides(label, image),
            *_sizes(phi, layout),
            **constants(layout, phi.dtype),
            BLOCK=block,
            BLOCKS=-(-blocks // programs),
            num_warps=4,
        )
    return out


def class_pool(label: Tensor, num_classes: int, s1: int, dtype: torch.dtype) -> Tensor:
    """See `asap_lightning.ops.class_pool`, for S1 > 1; the ids must have been checked."""
    from asap_lightning.ops import triton_pooling

    b, height, width = label.shape
    rows, columns = height // s1, width // s1
    out = torch.empty(b, num_classes, rows, columns, dtype=dtype, device=label.device)
    block = min(POOL_BLOCK, pad_to_power_of_two(columns))
    with on_device(label.device):
        triton_pooling.class_pool[(b * rows, -(-columns // block))](
            label,
            out,
            *label.stride(),
            rows,
            columns,
            height,
            width,
            num_classes,
            1 / (4 * s1**4),
            S1=s1,
            N=pad_to_power_of_two(num_classes),
            BLOCK=block,
            num_warps=4,
        )
    return out


def pixelwise_backward(
    grad: Tensor, phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout
) -> tuple[Tensor, Tensor]:
    """Gradients of phi (stored tile-major) and of the image (C = 0 without one).

    A kernel recomputes the hidden layers and writes them and the gradients at them; each weight gradient is
    then one batched product. 16-bit gradients are scaled so that the largest is 1/4.
    """
    b, _, rows, columns = phi.shape
    tiles, height, width = b * rows * columns, rows * layout.tile, columns * layout.tile
    scale = phi.new_ones(1, dtype=torch.float32)
    if phi.dtype != torch.float32:
        scale = 0.25 / grad.abs().amax().float().clamp_min(torch.finfo(torch.float32).tiny).reshape(1)
    grad_phi = phi.new_empty(tiles, layout.parameters)
    grad_image = phi.new_empty(tiles, layout.tile**2, layout.image_channels)
    one = layout.tile**2 * layout.width * (layout.depth - 1) * 2 * phi.element_size()
    step = max(1, LAYER_BYTES // one)
    arguments = (grad.contiguous(), phi, label, image, layout, scale)
    for start in range(0, tiles, step):
        _backward_group(*arguments, range(start, min(start + step, tiles)), grad_phi, grad_image)
    planes = from_tiles(grad_image, b, height, width, layout.tile).contiguous()
    if image is not None:
        planes = planes.to(image.dtype)
    return grad_phi.view(b, rows, columns, -1).permute(0, 3, 1, 2), planes


def _backward_group(
    grad: Tensor,
    phi: Tensor,
    label: Tensor | None,
    image: Tensor | None,
    layout: MlpLayout,
    scale: Tensor,
    span: range,
    grad_phi: Tensor,
    grad_image: Tensor,
) -> None:
    """Writes the gradients of the tiles ``span``."""
    from asap_lightning.ops import triton_kernels

    pixels, count = layout.tile**2, len(span)
    hidden = phi.new_empty(layout.depth - 1, count, pixels, layout.width)
    back = torch.empty_like(hidden)
    last = phi.new_empty(count, pixels, layout.out_channels)
    block = min(64, max(MINIMUM, pixels))
    parameters, table, label_pointer, image_pointer = _inputs(phi, label, image, layout)
    with on_device(phi.device):
        triton_kernels.pixelwise_layers[(count, -(-pixels // block))](
            parameters,
            table,
            label_pointer,
            image_pointer,
            grad,
            scale,
            hidden,
            back,
            last,
            *_strides(label, image),
            *_sizes(phi, layout),
            span.start,
            count,
            **constants(layout, phi.dtype),
            BLOCK=block,
            num_warps=BACKWARD_WARPS,
        )
    where = slice(span.start, span.stop)
    out = torch.empty(count, layout.parameters, dtype=torch.float32, device=phi.device)
    (bias, weight), *layers = split_parameters(out, layout.widths)
    for index, (layer_bias, layer_weight) in enumerate(layers):
        upstream = back[index + 1] if index + 1 < len(back) else last
        layer_bias.copy_(upstream.float().sum(1))
        layer_weight.copy_(torch.bmm(hidden[index].transpose(1, 2), upstream))
    bias.copy_(back[0].float().sum(1))
    if layout.encoding:
        weight[:, layout.num_classes + layout.image_channels :].copy_(table.T @ back[0])
    if label is not None:
        ids = to_tiles(label.unsqueeze(1), layout.tile)[where].squeeze(-1).long()
        planes = F.one_hot(ids, layout.num_classes).to(back.dtype)
        weight[:, : layout.num_classes].copy_(torch.bmm(planes.transpose(1, 2), back[0]))
    if image is not None:
        planes = to_tiles(image.to(phi.dtype), layout.tile)[where]
        end = layout.num_classes + layout.image_channels
        weight[:, layout.num_classes : end].copy_(torch.bmm(planes.transpose(1, 2), back[0]))
        own_bias, own = split_parameters(parameters.flatten(0, 2)[where], layout.widths)[0]
        first = split_first(own_bias, own, layout)
        grad_image[where] = (torch.bmm(back[0], first.image.transpose(1, 2)).float() / scale).to(phi.dtype)
    grad_phi[where] = (out / scale).to(phi.dtype)
