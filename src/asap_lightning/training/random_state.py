"""Random-number state in checkpoints: plain containers, so that they load with ``weights_only=True``."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

NUMPY_KEYS = 624
"""Numbers in the table of a Mersenne twister."""


def capture() -> dict[str, Any]:
    """The state of Python's, NumPy's and torch's global generators."""
    version, internal, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, list(internal), gauss],
        "numpy": [
            str(name),
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            position,
            has_gauss,
            cached,
        ],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def seed(value: int) -> None:
    """Seeds Python's, NumPy's and torch's global generators."""
    random.seed(value)
    np.random.seed(value % 2**32)
    torch.manual_seed(value)


def is_state(state: Any) -> bool:
    """Whether a file holds what `capture` returns, so that `restore` is safe.

    NumPy does not check the position in its table: another one reads memory that is not the generator's.
    """
    if not isinstance(state, dict) or not isinstance(state.get("cuda"), list):
        return False
    return (
        _is_python_state(state.get("python"))
        and _is_numpy_state(state.get("numpy"))
        and all(_are_bytes(value) for value in (state.get("torch"), *state["cuda"]))
    )


def _is_python_state(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 3 or not isinstance(value[1], list | tuple):
        return False
    version, internal, gauss = value
    try:
        random.Random().setstate((version, tuple(internal), gauss))
    except (TypeError, ValueError, OverflowError):
        return False
    return gauss is None or type(gauss) is float


def _is_numpy_state(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 5:
        return False
    name, keys, position, has_gauss, cached = value
    return (
        name == "MT19937"
        and isinstance(keys, torch.Tensor)
        and (keys.dtype, tuple(keys.shape)) == (torch.int64, (NUMPY_KEYS,))
        and type(position) is int
        and 0 <= position <= NUMPY_KEYS
        and has_gauss in (0, 1)
        and type(cached) is float
    )


def _are_bytes(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == torch.uint8 and value.dim() == 1


def restore(state: dict[str, Any]) -> None:
    """The inverse of `capture`; CUDA states are restored where the same devices are there."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"].cpu())
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([value.cpu() for value in state["cuda"]])
