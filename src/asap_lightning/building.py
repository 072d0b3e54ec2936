"""Builds objects from plain ``_target_`` mappings, without Hydra.

A checkpoint carries the description of its network as plain data; building it again must neither
need Hydra nor run anything that a stranger wrote into the file, so only this package's and torch's
own classes may be named.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

from asap_lightning.errors import UserError

ALLOWED = ("asap_lightning.", "torch.nn.", "torch.optim.")


def locate(target: str) -> Any:
    """Imports ``package.module.Name``; refuses names outside `ALLOWED`."""
    if not target.startswith(ALLOWED):
        raise UserError(
            f"refused to build '{target}': only names under {', '.join(ALLOWED)} may be built "
            "from a stored description"
        )
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"cannot build '{target}': {error}") from error


def build(node: Any, **overrides: Any) -> Any:
    """Instantiates a ``{_target_: ..., **arguments}`` tree; ``_partial_: true`` gives a partial.

    Other mappings, lists and values are returned with what they contain built.
    """
    if isinstance(node, Mapping):
        values = {key: build(value) for key, value in node.items()}
        if "_target_" not in values:
            return values
        target = locate(values.pop("_target_"))
        as_partial = values.pop("_partial_", False)
        values.pop("_convert_", None), values.pop("_recursive_", None)
        values.update(overrides)
        return partial(target, **values) if as_partial else target(**values)
    if isinstance(node, list | tuple):
        return [build(value) for value in node]
    return node
