"""The native backend: tensors in, the C interface called, tensors out.

16-bit tensors are storage only: the kernels compute in float32.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from asap_lightning.ops.layout import MlpLayout, label_error
from asap_lightning.ops.native_library import CMlp, CRange, CTensor, library, load_failure

__all__ = ["class_pool", "load_failure", "pixelwise_backward", "pixelwise_forward"]

BAD_LABEL = 1
DTYPES = {
    torch.float32: 0,
    torch.float16: 1,
    torch.bfloat16: 2,
    torch.uint8: 3,
    torch.int8: 4,
    torch.uint16: 5,
    torch.int16: 6,
    torch.uint32: 7,
    torch.int32: 8,
    torch.int64: 9,
}


def describe(tensor: Tensor | None) -> CTensor | None:
    """A (B, C, H, W) or (B, H, W) tensor for the C side; the caller keeps it alive."""
    if tensor is None:
        return None
    strides = tensor.stride() if tensor.ndim == 4 else (tensor.stride(0), 0, *tensor.stride()[1:])
    return CTensor(tensor.data_ptr(), DTYPES[tensor.dtype], (ctypes.c_int64 * 4)(*strides))


def reference_to(structure: ctypes.Structure | None) -> object | None:
    """A pointer to a structure, or null."""
    return None if structure is None else ctypes.byref(structure)


def check(status: int, bad: CRange, num_classes: int) -> None:
    """Turns the C side's status into an exception."""
    if status == BAD_LABEL:
        raise label_error(num_classes, bad.low, bad.high)
    if status:
        raise MemoryError("the native library could not allocate its scratch memory")


def tile_major(phi: Tensor) -> Tensor:
    """(B, P, H/S, W/S) -> contiguous (B, H/S, W/S, P) float32; no copy if it already lies so."""
    view = phi.permute(0, 2, 3, 1)
    if phi.dtype == torch.float32 and view.is_contiguous():
        return view
    result = torch.empty(view.shape, dtype=torch.float32)
    b, p, rows, columns = phi.shape
    threads = torch.get_num_threads()
    described = describe(phi)
    library().asap_tile_major(reference_to(described), b, p, rows, columns, result.data_ptr(), threads)
    return result


def _describe_mlp(phi: Tensor, layout: MlpLayout) -> CMlp:
    return CMlp(
        phi.shape[0],
        phi.shape[2],
        phi.shape[3],
        layout.tile,
        layout.width,
        layout.depth,
        layout.num_classes,
        layout.image_channels,
        layout.out_channels,
        int(layout.positional_encoding),
        layout.negative_slope,
    )


def readable(image: Tensor | None) -> Tensor | None:
    """As the C side can read it: there is no float64."""
    return image.float() if image is not None and image.dtype == torch.float64 else image


def pixelwise_forward(phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout) -> Tensor:
    """See `asap_lightning.ops.pixelwise_mlp`."""
    height, width = phi.shape[2] * layout.tile, phi.shape[3] * layout.tile
    out = torch.empty(phi.shape[0], layout.out_channels, height, width, dtype=phi.dtype)
    parameters, image, bad = tile_major(phi), readable(image), CRange()
    status = library().asap_pixelwise_forward(
        _describe_mlp(phi, layout),
        parameters.data_ptr(),
        reference_to(describe(label)),
        reference_to(describe(image)),
        out.data_ptr(),
        DTYPES[out.dtype],
        ctypes.byref(bad),
        torch.get_num_threads(),
    )
    check(status, bad, layout.num_classes)
    return out


def pixelwise_backward(
    grad: Tensor, phi: Tensor, label: Tensor | None, image: Tensor | None, layout: MlpLayout
) -> tuple[Tensor, Tensor]:
    """Gradients of phi (stored tile-major) and of the image (C = 0 without one)."""
    b, p, rows, columns = phi.shape
    grad_phi = torch.empty(b, rows, columns, p)
    grad_image = torch.empty(b, layout.image_channels, rows * layout.tile, columns * layout.tile)
    parameters, pixels, bad = tile_major(phi), readable(image), CRange()
    upstream = grad.float() if grad.dtype == torch.float64 else grad
    status = library().asap_pixelwise_backward(
        _describe_mlp(phi, layout),
        parameters.data_ptr(),
        reference_to(describe(label)),
        reference_to(describe(pixels)),
        reference_to(describe(upstream)),
        grad_phi.data_ptr(),
        grad_image.data_ptr() if layout.image_channels else None,
        ctypes.byref(bad),
        torch.get_num_threads(),
    )
    check(status, bad, layout.num_classes)
    image_dtype = phi.dtype if image is None else image.dtype
    return grad_phi.to(phi.dtype).permute(0, 3, 1, 2), grad_image.to(image_dtype)


def class_pool(label: Tensor, num_classes: int, s1: int, dtype: torch.dtype) -> Tensor:
    """See `asap_lightning.ops.class_pool`."""
    b, height, width = label.shape
    out = torch.empty(b, num_classes, height // s1, width // s1)
    bad = CRange()
    status = library().asap_class_pool(
        reference_to(describe(label)),
        b,
        height,
        width,
        num_classes,
        s1,
        out.data_ptr(),
        (ctypes.c_int64 * 4)(*out.stride()),
        ctypes.byref(bad),
        torch.get_num_threads(),
    )
    check(status, bad, num_classes)
    return out.to(dtype)
