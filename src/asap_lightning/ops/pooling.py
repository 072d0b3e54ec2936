"""The low-res stream's input: class maps and images, tent-filtered and downsampled by S1."""

from __future__ import annotations

import torch
from torch import Tensor

from asap_lightning.ops import reference
from asap_lightning.ops.reference import tent_downsample

__all__ = ["class_pool", "tent_downsample"]


def class_pool(
    label: Tensor, *, num_classes: int, s1: int, dtype: torch.dtype = torch.float32, backend: str | None = None
) -> Tensor:
    """Tent-filtered class maps straight from integer labels (ASAP-Net section 3.1).

    Args:
        label: (B, H, W) class ids in [0, num_classes).
        num_classes: number of planes of the result.
        s1: the factor; 1 gives the plain one-hot planes.
        dtype: of the result.
        backend: ``reference``, ``torch``; None chooses.

    Returns:
        (B, num_classes, H/S1, W/S1); the planes sum to one at every place.
    """
    return reference.class_pool(label, num_classes=num_classes, s1=s1, dtype=dtype)
