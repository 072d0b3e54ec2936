"""Names of weights without what wrappers put before them: DataParallel, DDP, ``torch.compile``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from asap_lightning.errors import UserError

T = TypeVar("T")

# ``_orig_mod`` is torch.compile's alone. A ``module`` beside it is a wrapper around the same network; one
# that stands alone inside a name may be a layer's own.
_COMPILED = re.compile(r"(?:(?<=\.)|^)(?:module\.)*_orig_mod\.(?:(?:module|_orig_mod)\.)*")
_PARALLEL = "module."


def without_wrappers(state: Mapping[str, T], source: object = "the checkpoint") -> dict[str, T]:
    """Removes ``module.`` where it is before every name, and ``_orig_mod.`` wherever it is.

    Raises:
        UserError: two names become the same.
    """
    odd = next((name for name in state if not isinstance(name, str)), None)
    if odd is not None:
        raise UserError(f"{source}: a {type(odd).__name__} stands where the name of a weight was expected")
    names = {name: _COMPILED.sub("", name) for name in state}
    while names and all(name.startswith(_PARALLEL) for name in names.values()):
        names = {before: name.removeprefix(_PARALLEL) for before, name in names.items()}
    result: dict[str, T] = {}
    origin: dict[str, str] = {}
    for before, name in names.items():
        if name in origin:
            raise UserError(
                f"{source}: '{origin[name]}' and '{before}' are both '{name}' without the prefixes of "
                "torch.compile and DataParallel: it holds the weights of two networks; save one of them alone"
            )
        result[name], origin[name] = state[before], before
    return result
