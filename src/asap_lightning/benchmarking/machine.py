"""The machine and the code that a result belongs to, and the peaks it can reach."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from asap_lightning import __version__
from asap_lightning.ops import native_library


def describe(device: torch.device, threads: int) -> dict[str, Any]:
    """Processor, libraries, commit and load: what one must know to judge a time."""
    native = native_library.load_failure()
    return {
        "processor": processor(),
        "cores": torch.get_num_threads() if threads < 1 else threads,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "native": native or native_library.instruction_set(),
        "asap_lightning": __version__,
        "commit": _commit(),
        "load": _load(),
    }


def processor() -> str:
    """The name of the processor's model, or its kind where the system tells no name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _load() -> float:
    try:
        return float(Path("/proc/loadavg").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return -1.0


def _commit() -> str:
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def peaks(device: torch.device) -> dict[str, float]:
    """Measured peaks: GFLOP/s of multiply-adds in registers (a large matrix product where the native library
    is missing, and on a GPU), GB/s of reading memory.
    """
    large = torch.ones(1 << (28 if device.type == "cuda" else 26), device=device)
    reading = _best(large.sum, device)
    return {
        "gflops": _peak_gflops(device),
        "gigabytes_per_second": large.numel() * 4 / reading / 1e9,
    }


def _peak_gflops(device: torch.device) -> float:
    if device.type == "cpu" and not native_library.load_failure():
        threads, library = torch.get_num_threads(), native_library.library()
        rounds = 200_000  # about a millisecond, so that one of many runs is not interrupted
        count = library.asap_multiply_adds(rounds, threads)
        return 2 * count / _best(lambda: library.asap_multiply_adds(rounds, threads), device, 200) / 1e9
    side = 8192 if device.type == "cuda" else 1536
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    a = torch.randn(side, side, device=device, dtype=dtype)
    b, out = torch.randn_like(a), torch.empty_like(a)
    return 2 * side**3 / _best(lambda: torch.mm(a, b, out=out), device) / 1e9


def _best(call: Callable[[], object], device: torch.device, repeats: int = 7) -> float:
    best = float("inf")
    for _ in range(repeats):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return best
