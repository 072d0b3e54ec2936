"""Random numbers of one translation: they follow from its seed, and leave no trace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_one_at_a_time = threading.Lock()


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Inside the block torch's global generators, of the CPU and of ``device``, begin at ``seed``.

    Afterwards they are as before. They belong to the process, so threads take turns.
    """
    devices = [device] if device.type == "cuda" else []
    with _one_at_a_time, torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":  # this one alone: torch.manual_seed would set those of all GPUs
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        yield
