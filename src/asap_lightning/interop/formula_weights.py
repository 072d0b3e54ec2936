"""Weights of recordings that hold none: drawn anew from names and shapes by a formula (``rs-v1``).

Entry number i of the network's state dict is drawn from ``numpy.random.RandomState(i)``, in float64, then
cast to float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.errors import UserError

MOST_VALUES = 400_000_000
MOST_ENTRIES = 20_000


def formula_weights(settings: Mapping[str, Any], kept: Mapping[str, Tensor], place: str) -> dict[str, Tensor]:
    """The state dict of a recording by its settings.

    Args:
        settings: with ``state_dict_entries``, lists of (name, shape), or such lists by part, whose names
            then get the part before them and whose numbers begin anew; ``gain``; ``kept_as_constructed``.
        kept: values of the entries that are not drawn.
        place: where the settings stand, for messages.

    Raises:
        UserError: no such lists, or much more than any network has.
    """
    entries = settings.get("state_dict_entries")
    parts = entries if isinstance(entries, dict) else {"": entries}
    gain = float(settings.get("gain", 1.0))
    left, state = MOST_VALUES, {}
    for part, listed in parts.items():
        if not isinstance(listed, list) or len(listed) > MOST_ENTRIES:
            raise UserError(f"{place}: state_dict_entries must list names and shapes")
        for number, entry in enumerate(listed):
            name, shape = _entry(entry, place)
            left -= math.prod(shape)
            if left < 0:
                raise UserError(f"{place}: state_dict_entries names more than {MOST_VALUES:,} values")
            full = f"{part}.{name}" if part else name
            if name in settings.get("kept_as_constructed", ()):
                if full not in kept:
                    raise UserError(
                        f"{place}: the value of '{full}' is kept as constructed, and is not known"
                    )
                state[full] = kept[full]
            else:
                state[full] = _as_stored(name, _drawn(name, shape, number, gain))
    return state


def _entry(entry: Any, place: str) -> tuple[str, tuple[int, ...]]:
    if isinstance(entry, list) and len(entry) == 2:
        name, shape = entry
        sized = isinstance(shape, list) and all(type(side) is int and side > 0 for side in shape)
        if isinstance(name, str) and sized:
            return name, tuple(shape)
    raise UserError(f"{place}: state_dict_entries must list names and shapes")


def _drawn(name: str, shape: tuple[int, ...], number: int, gain: float) -> NDArray[np.float64]:
    source = np.random.RandomState(number)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape)
    if name.endswith("running_mean"):
        return 0.1 * source.standard_normal(shape)
    if name.endswith("running_var"):
        return 0.5 + source.random_sample(shape)
    if len(shape) >= 2:
        fan = math.prod(shape) / shape[0]
        return source.standard_normal(shape) * gain * math.sqrt(2 / fan)
    if name.endswith("weight"):
        return 0.5 + 0.2 * source.random_sample(shape)
    return 0.1 * source.standard_normal(shape)


def _as_stored(name: str, values: NDArray[np.float64]) -> Tensor:
    tensor = torch.from_numpy(np.asarray(values))
    return tensor.long() if name.endswith("num_batches_tracked") else tensor.float()
