"""Weights in a checkpoint of TensorFlow's ``Saver``, without what belongs to the training alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.untrusted import open_tensorflow
from asap_lightning.wording import counted, listed

_TRAINING = re.compile(
    r"(^|/)(global_step|beta[12]_power(_\d+)?|(Adam|AdamW|Momentum|RMSProp|Adagrad|Adadelta|Ftrl)(_\d+)?"
    r"|ExponentialMovingAverage(/\w+)?)$"
)
"""An optimizer's state, counters and averages, by the names that TensorFlow gives them."""


def read_variables(
    path: Path, belongs: Callable[[str], bool], title: str, notes: list[str]
) -> dict[str, Tensor]:
    """The variables of one network, under TensorFlow's names.

    Args:
        path: see `open_tensorflow`.
        belongs: whether a variable is the network's, by its name; of an optimizer's state it is not asked.
        title: the program, for messages.
        notes: lines for people are added: what was found, and what was left out.

    Raises:
        UserError: no such checkpoint, damaged, or without a variable of that network.
    """
    checkpoint = open_tensorflow(path)
    if checkpoint.note:
        notes.append(checkpoint.note)
    training = [name for name in checkpoint.variables if _TRAINING.search(name)]
    chosen = [name for name in checkpoint.variables if belongs(name) and not _TRAINING.search(name)]
    others = sorted(checkpoint.variables.keys() - {*training, *chosen})
    if not chosen:
        shown = listed([name for name in checkpoint.variables if not _TRAINING.search(name)])
        raise UserError(f"{checkpoint.place} holds no {title}; its variables are {shown or 'none'}")
    if training:
        notes.append(f"left out {counted(len(training), 'variable')} of the training: {listed(training)}")
    if others:
        notes.append(f"left out {counted(len(others), 'variable')} that no generator has: {listed(others)}")
    return checkpoint.read(chosen)
