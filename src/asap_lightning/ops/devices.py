"""Where kernels are launched and CUDA graphs captured."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def on_device(device: torch.device) -> AbstractContextManager[object]:
    """Inside the block a CUDA device is the current one.

    Triton launches on the current device and graphs are captured on it, whatever device the tensors are on;
    torch's own operations look at their tensors.
    """
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
