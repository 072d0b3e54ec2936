"""Which of several processes this one is (torch.distributed); of one alone the first of one."""

from __future__ import annotations

from torch import distributed


def world_size() -> int:
    """Number of processes that work together."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 1
    return distributed.get_world_size()


def rank() -> int:
    """Which of them this one is."""
    return distributed.get_rank() if world_size() > 1 else 0
