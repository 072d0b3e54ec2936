"""Which backend runs an operation: asked for, or chosen by device and dtype; said once in the log."""

from __future__ import annotations

import logging
import os

import torch

from asap_lightning.errors import UserError

BACKENDS = ("reference", "torch", "native", "triton")
VARIABLE = "ASAP_BACKEND"

logger = logging.getLogger("asap_lightning.ops")
_said: set[str] = set()


def captured() -> bool:
    """Whether the call is recorded as a graph that will run without this package (an export, a trace)."""
    return torch.compiler.is_exporting() or torch.jit.is_tracing()


def requested_backend(backend: str | None) -> str:
    """The backend asked for by argument or by ``ASAP_BACKEND``; an empty string leaves the choice open.

    Raises:
        ValueError: the argument names no backend.
        UserError: the environment variable names no backend.
    """
    if backend is not None:
        if backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)} or None, got {backend!r}")
        return backend
    wish = os.environ.get(VARIABLE, "")
    if wish and wish not in BACKENDS:
        raise UserError(
            f"the environment variable {VARIABLE} is '{wish}', expected one of {', '.join(BACKENDS)}; "
            "correct or unset it"
        )
    return wish


def resolve_backend(
    operation: str, requested: str, device: torch.device, dtype: torch.dtype, *, triton: bool = True
) -> str:
    """The backend that runs: ``requested``, or the fastest that can; ``triton``: whether it has such kernels.

    Raises:
        ValueError: the backend asked for cannot run this device or dtype.
    """
    if requested:
        lacking = "it has no kernels for it" if requested == "triton" and not triton else ""
        reason = lacking or why_not(requested, device, dtype)
        if reason:
            raise ValueError(f"the {requested} backend cannot run {operation}: {reason}")
        return _say(operation, requested)
    for name in ("triton" if device.type == "cuda" else "native",):
        if (triton or name != "triton") and not why_not(name, device, dtype):
            return _say(operation, name)
    return _say(operation, "torch")


def why_not(name: str, device: torch.device, dtype: torch.dtype) -> str:
    """Why backend ``name`` cannot run on this device and dtype; empty if it can."""
    if name == "native":
        if device.type != "cpu":
            return f"it runs on the CPU, the tensors are on {device}"
        if dtype == torch.float64:
            return "it computes in float32, the tensors are float64"
        from asap_lightning.ops import native

        return native.load_failure()
    if name == "triton":
        from asap_lightning.ops import triton_backend

        if dtype == torch.float64:
            return "it computes in float32 at most, the tensors are float64"
        return triton_backend.load_failure(device)
    return ""


def _say(operation: str, name: str) -> str:
    message = f"{operation} runs on the {name} backend"
    if message not in _said:
        _said.add(message)
        logger.info(message)
    return name
