"""Where a model computes."""

from __future__ import annotations

import torch

from asap_lightning.errors import UserError


def choose_device(name: str = "auto") -> torch.device:
    """``auto``: a GPU if there is one, else the CPU.

    Raises:
        UserError: the device does not exist here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UserError(f"device={name} is not a device; use auto, cpu, cuda, cuda:1, mps") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device={name}, but torch sees no CUDA GPU here; use device=cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device={name}, but there are {torch.cuda.device_count()} GPUs here, from cuda:0 on")
    if device.type not in ("cpu", "cuda", "mps"):
        raise UserError(f"device={name} is not a device that computes here; use auto, cpu, cuda, cuda:1, mps")
    return device
