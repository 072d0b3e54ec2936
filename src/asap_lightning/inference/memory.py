"""Telling a picture that is too large for the machine from a fault of the program."""

from __future__ import annotations

import re

import torch

_WORDS = re.compile(
    r"out of memory|not enough memory|can't allocate memory|DefaultCPUAllocator|invalid buffer size"
    r"|storage size calculation overflowed|array is too big",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was not enough, in whichever of Python's and torch's words."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError | ValueError) and bool(_WORDS.search(str(error)))


def give_back() -> None:
    """Returns what a failed attempt has reserved on a GPU, so that smaller pictures find room."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
