"""How much memory a call needs at its peak, beyond what lay there before."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

import torch

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_of(call: Callable[[], object], device: torch.device | None = None) -> int:
    """Bytes at the peak of ``call`` beyond those held before; -1 where the system does not tell.

    On a CPU the whole process is measured (Linux resets its high-water mark on request), so memory of
    native libraries counts too.
    """
    gc.collect()
    if device is not None and device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    try:
        _return_free_memory()
        before = _status("VmRSS")
        _RESET.write_text("5")
    except (OSError, KeyError):
        return -1
    call()
    return max(0, _status("VmHWM") - before)


def _return_free_memory() -> None:
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        return


def _status(key: str) -> int:
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    raise KeyError(key)
