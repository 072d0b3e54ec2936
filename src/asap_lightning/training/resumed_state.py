"""What a resume with changed settings takes from a checkpoint: weights and moments, no settings.

The command's settings count. Every hyper-parameter of the optimizers is the command's, the moments are the
checkpoint's; an average of the weights begins, or ends, with the resume.
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch.optim import Optimizer

log = logging.getLogger(__name__)

CLASS = "class"
"""Entry of an optimizer's state: the name of its class."""
MOMENT_SETTINGS = ("amsgrad", "centered", "momentum")
"""Hyper-parameters of torch's optimizers without which they keep fewer moments."""
AVERAGE, AVERAGED, COUNT = "ema_generator.module.", "ema_generator.", "ema_generator.n_averaged"


def keep_settings_over_loads(optimizer: Optimizer) -> Optimizer:
    """Makes `load_state_dict` take moments and step counts, and none of the hyper-parameters.

    Moments of another kind of optimizer are not taken either; they begin anew, and a line says so.
    """
    optimizer.register_state_dict_post_hook(_note_class)
    optimizer.register_load_state_dict_pre_hook(_with_own_settings)
    return optimizer


def _note_class(optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    return {**state, CLASS: type(optimizer).__qualname__}


def _with_own_settings(optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    stored, own = state["param_groups"], optimizer.param_groups
    if len(stored) != len(own):
        return state  # torch refuses it
    groups = [
        {**{name: value for name, value in mine.items() if name != "params"}, "params": theirs["params"]}
        for mine, theirs in zip(own, stored, strict=True)
    ]
    moments = state["state"]
    before, now = state.get(CLASS, type(optimizer).__qualname__), type(optimizer).__qualname__
    more = [name for mine, theirs in zip(own, stored, strict=True) for name in MOMENT_SETTINGS
            if mine.get(name) and not theirs.get(name)]  # fmt: skip
    if before != now or more:
        why = f"{before} -> {now}" if before != now else f"{more[0]} is new"
        rank_zero_only(log.info)(
            "an optimizer keeps other moments than the checkpoint's (%s): they begin anew", why
        )
        moments = {}
    return {"state": moments, "param_groups": groups}


def fit_average(state: dict[str, Any], wanted: bool) -> None:
    """Adds the generator's weights as their own average where none was kept, or drops one that is not wanted.

    Args:
        state: the checkpoint's ``state_dict``, changed in place.
        wanted: whether this run keeps an average.
    """
    there = COUNT in state
    if wanted and not there:
        prefix = "generator."
        own = {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}
        state.update({AVERAGE + name: value.clone() for name, value in own.items()})
        state[COUNT] = torch.tensor(1)
        rank_zero_only(log.info)("training.ema: the average begins with the checkpoint's weights")
    elif there and not wanted:
        for name in [name for name in state if name.startswith(AVERAGED)]:
            del state[name]
        rank_zero_only(log.info)("training.ema: the checkpoint's average is dropped")
