"""The state of a training in a checkpoint file, checked before Lightning, torch and NumPy take it over.

They set attributes from it and trust its types: a position of NumPy's generator outside its table makes the
process read foreign memory, a text in place of a counter ends a training in a traceback hours later.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from packaging.version import InvalidVersion, Version
from pytorch_lightning.loops import progress
from torch import Tensor

from asap_lightning.building import require_plain, shown
from asap_lightning.checkpoint import state_of
from asap_lightning.errors import UserError
from asap_lightning.training import random_state

Number = TypeVar("Number", int, float)

OLDEST = Version("2.6")
"""Lightning rewrites the checkpoints of older versions; this program has written none with them."""
PROGRESS = tuple(
    kind().state_dict()
    for kind in (
        progress._Progress,
        progress._BatchProgress,
        progress._OptimizationProgress,
        progress._SchedulerProgress,
    )
)
"""The counters that Lightning's loops keep, each as it is at the beginning."""


def require_training_state(checkpoint: Mapping[str, Any], source: str | os.PathLike[str]) -> None:
    """Refuses a checkpoint whose training cannot be what this program has written.

    Args:
        checkpoint: as it was read.
        source: the file, for messages.

    Raises:
        UserError: names the entry, what was found and what was expected.
    """
    state_of(checkpoint, source)
    for key, fits, expected in (*ENTRIES, *(entry for entry in OPTIONAL if entry[0] in checkpoint)):
        if key not in checkpoint or not fits(checkpoint[key]):
            raise UserError(
                f"{source}: {key} is {shown(checkpoint.get(key))}; {expected} was expected: the "
                "file is damaged, or no training has written it; use another checkpoint of the run"
            )


def is_count(value: Any) -> bool:
    """Whether it is a number that something can have been counted to."""
    return type(value) is int and 0 <= value < 2**62


def _is_version(value: Any) -> bool:
    try:
        return type(value) is str and Version(value) >= OLDEST
    except InvalidVersion:
        return False


def _are_loops(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("fit_loop"), dict) and all(
        isinstance(loop, dict) and all(_is_loop_entry(name, entry) for name, entry in loop.items())
        for loop in value.values()
    )  # fmt: skip


def _is_loop_entry(name: Any, entry: Any) -> bool:
    if type(name) is not str or not isinstance(entry, dict):
        return False
    if name.endswith("progress"):
        return any(_alike(entry, example) for example in PROGRESS)
    return all(type(key) is str and is_count(value) for key, value in entry.items())


def _alike(found: Any, example: Any) -> bool:
    if isinstance(example, dict):
        return isinstance(found, dict) and found.keys() == example.keys() and all(
            _alike(found[key], example[key]) for key in example
        )  # fmt: skip
    return type(found) is bool if type(example) is bool else is_count(found)


def _are_callbacks(value: Any) -> bool:
    return isinstance(value, dict) and all(type(key) is str and isinstance(value[key], dict) for key in value)


def _is_plain(value: Any) -> bool:
    try:
        require_plain(value, "")
    except UserError:
        return False
    return True


def _are_optimizers(value: Any) -> bool:
    return isinstance(value, list) and all(_is_optimizer(state) for state in value)


def _is_optimizer(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    moments, groups = value.get("state"), value.get("param_groups")
    return (
        isinstance(moments, dict)
        and all(is_count(index) and _are_moments(kept) for index, kept in moments.items())
        and isinstance(groups, list)
        and all(isinstance(group, dict) and _is_plain(group) for group in groups)
    )


def _are_moments(value: Any) -> bool:
    return isinstance(value, dict) and all(
        type(name) is str and (kept is None or type(kept) in (bool, int, float) or _is_float(kept))
        for name, kept in value.items()
    )


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _are_random(value: Any) -> bool:
    return isinstance(value, list) and all(random_state.is_state(state) for state in value)


def _is_scaler(value: Any) -> bool:
    return isinstance(value, dict) and all(
        type(name) is str and type(number) in (int, float) and number >= 0 for name, number in value.items()
    )


def _are_scalers(value: Any) -> bool:
    return isinstance(value, list) and all(_is_scaler(state) for state in value)


def _is_position(value: Any) -> bool:
    return isinstance(value, dict) and _is_plain(value) and all(
        is_count(value.get(name)) for name in ("epoch", "batch", "batch_size", "world_size")
    )  # fmt: skip


def _is_turn(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"count", "step"}
        and is_count(value["count"])
        and (is_count(value["step"]) or value["step"] == -1)
    )


ENTRIES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("epoch", is_count, "a count"),
    ("global_step", is_count, "a count"),
    ("pytorch-lightning_version", _is_version, f"a version from {OLDEST} on"),
    ("loops", _are_loops, "the counters of Lightning's loops"),
    ("callbacks", _are_callbacks, "the states of callbacks by name"),
    ("optimizer_states", _are_optimizers, "the states of optimizers"),
    ("lr_schedulers", lambda value: value == [], "an empty list"),
    ("random_states", _are_random, "the state of Python's, NumPy's and torch's random numbers"),
)
OPTIONAL: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("accumulate", is_count, "a count"),
    ("MixedPrecision", _is_scaler, "the numbers of a loss scaler"),
    ("native_amp_scaling_state", _is_scaler, "the numbers of a loss scaler"),
    ("scalers", _are_scalers, "the numbers of loss scalers"),
    ("periodic_metrics", _is_turn, "the number of validations"),
    ("PairedDataModule", _is_position, "the position in the training data"),
)


def require_moments(optimizers: list[torch.optim.Optimizer]) -> None:
    """Refuses optimizers whose restored moments have other shapes than the weights they belong to.

    Raises:
        UserError: names the shapes.
    """
    for optimizer in optimizers:
        for weight, moments in optimizer.state.items():
            for name, kept in moments.items():
                if isinstance(kept, Tensor) and kept.numel() != 1 and kept.shape != weight.shape:
                    raise UserError(
                        f"the checkpoint's optimizer_states hold {shown(name)} of shape {tuple(kept.shape)} "
                        f"for a weight of shape {tuple(weight.shape)}: the file is damaged; use another one"
                    )


def stored_number(state: Mapping[str, Any], name: str, kind: type[Number]) -> Number | None:
    """A number of a callback's state in a checkpoint, or None.

    Raises:
        UserError: something else stands there.
    """
    value = state.get(name)
    if value is not None and type(value) is not kind:
        raise UserError(
            f"the checkpoint's callbacks: {name} is {shown(value)}; a number was expected: use another one"
        )
    return value
