"""The low-res stream's input: class maps and images, tent-filtered and downsampled by S1."""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.ops import library, pooling_torch, reference
from asap_lightning.ops.dispatch import captured, requested_backend
from asap_lightning.ops.layout import check_class_pool, check_label_ids
from asap_lightning.ops.reference import tent_downsample

__all__ = ["class_pool", "tent_downsample"]


def class_pool(
    label: Tensor,
    *,
    num_classes: int,
    s1: int,
    dtype: torch.dtype = torch.float32,
    backend: str | None = None,
) -> Tensor:
    """Tent-filtered class maps straight from integer labels (ASAP-Net section 3.1).

    A plane's value is the weighted count of its class under the filter, so no one-hot planes are built.
    Exact when S1 is a power of two up to 32: the weights are then multiples of 1 / (4 S1^4) that float32 adds
    without rounding.

    Args:
        label: (B, H, W) class ids in [0, num_classes), any integer dtype.
        num_classes: number of planes of the result.
        s1: the factor, 1 or even; 1 gives the plain one-hot planes.
        dtype: of the result.
        backend: ``reference``, ``torch``, ``native`` or ``triton``; None takes ``ASAP_BACKEND`` or else the
            fastest that can run.

    Returns:
        (B, num_classes, H/S1, W/S1), contiguous; the planes sum to one at every place.

    Raises:
        ValueError: S1 does not divide the map, label ids outside the classes, a backend that cannot run.
        TypeError: wrong dtypes.
    """
    check_class_pool(label, num_classes, s1, dtype)
    name = requested_backend(backend)
    if captured():
        return pooling_torch.in_graphs(label, num_classes, s1, dtype)
    if name == "reference":
        check_label_ids(label, num_classes)
        return reference.class_pool(label, num_classes=num_classes, s1=s1, dtype=dtype)
    return library.class_pool(label, num_classes, s1, dtype, name)
