"""Bilateral grids: affine transforms that vary with place and guide, sliced and applied (HDRNet)."""

from __future__ import annotations

from torch import Tensor

from asap_lightning.ops import bilateral_library, bilateral_torch, reference
from asap_lightning.ops.dispatch import captured, requested_backend
from asap_lightning.ops.layout import FLOAT_DTYPES


def bilateral_slice(grid: Tensor, guide: Tensor, *, backend: str | None = None) -> Tensor:
    """The transform of every pixel: the grid, interpolated where the guide says (HDRNet section 3.2).

    A pixel lies at gx = (x + 1/2) w / W, gy = (y + 1/2) h / H, gz = guide D, sample i of an axis at i + 1/2.
    The two nearest samples of every axis count with the weights max(0, 1 - |d|), in depth
    max(0, 1 - sqrt(d^2 + 1e-8)); their indices are clamped, and the weights are not normalised.

    Differentiable in grid and guide. 16-bit tensors are storage only: sums are made in float32.

    Args:
        grid: (B, K, O, D, h, w): K inputs of a transform, the last of them the offset; O outputs; D depth.
        guide: (B, H, W) in [0, 1]; beyond, the last samples stand in.
        backend: ``reference``, ``torch`` or ``native``; None takes ``ASAP_BACKEND`` or else the fastest that
            can run. On a GPU that is torch: there is no Triton kernel.

    Returns:
        (B, K, O, H, W) of the grid's dtype.

    Raises:
        ValueError: shapes or devices that do not fit, a backend that cannot run here.
        TypeError: wrong dtypes.
    """
    check_bilateral(grid, guide, None)
    name = requested_backend(backend)
    if name == "reference":
        return reference.bilateral_slice(grid, guide.to(grid.dtype))
    made = bilateral_torch.differentiable if captured() else bilateral_library.bilateral
    return made(grid, guide, None, name).unflatten(1, grid.shape[1:3])


def bilateral_slice_apply(
    grid: Tensor, guide: Tensor, image: Tensor, *, backend: str | None = None
) -> Tensor:
    """Slices the grid and sends every pixel through its transform, which is not kept (HDRNet section 3.2).

    out[o] = sum_k A[k, o] image[k] + A[K - 1, o], with A as `bilateral_slice` gives it. Differentiable in all
    three; the gradient slices the grid again.

    Args:
        grid: (B, K, O, D, h, w).
        guide: (B, H, W) in [0, 1].
        image: (B, K - 1, H, W).
        backend: see `bilateral_slice`.

    Returns:
        (B, O, H, W) of the grid's dtype, contiguous.

    Raises:
        ValueError: shapes or devices that do not fit, a backend that cannot run here.
        TypeError: wrong dtypes.
    """
    check_bilateral(grid, guide, image)
    name = requested_backend(backend)
    if name == "reference":
        return reference.bilateral_slice_apply(grid, guide.to(grid.dtype), image.to(grid.dtype))
    made = bilateral_torch.differentiable if captured() else bilateral_library.bilateral
    return made(grid, guide, image, name)


LARGEST_ROW = 2**31
"""Values of a row of the packed grid are fewer than 32 bits count."""


def check_bilateral(grid: Tensor, guide: Tensor, image: Tensor | None) -> None:
    """Raises ValueError or TypeError unless grid, guide and image fit each other."""
    for name, tensor in (("grid", grid), ("guide", guide), ("image", image)):
        if tensor is None:
            continue
        if tensor.dtype not in FLOAT_DTYPES:
            raise TypeError(f"the {name} must be floating point, got {tensor.dtype}")
        if tensor.device != grid.device:
            raise ValueError(f"the {name} is on {tensor.device}, the grid on {grid.device}; move them to one")
    if grid.ndim != 6 or not all(grid.shape[1:]):
        raise ValueError(f"the grid must be (B, K, O, D, h, w), none of them 0, got {tuple(grid.shape)}")
    b, inputs, outputs, depth, _, columns = grid.shape
    if guide.ndim != 3 or guide.shape[0] != b:
        raise ValueError(f"the guide must be ({b}, H, W), got {tuple(guide.shape)}")
    if image is not None and tuple(image.shape) != (b, inputs - 1, *guide.shape[1:]):
        raise ValueError(
            f"the image must be {(b, inputs - 1, *guide.shape[1:])} for transforms of {inputs - 1} channels "
            f"and an offset, got {tuple(image.shape)}"
        )
    if 16 * (inputs * outputs) * depth * columns >= LARGEST_ROW:
        raise ValueError(f"a row of the grid {tuple(grid.shape)} is too large")
