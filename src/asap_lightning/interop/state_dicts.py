"""The state dict in a file of the authors' programs: bare, wrapped, or of a network that was saved whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.untrusted import Shell, without_wrappers
from asap_lightning.untrusted.text import printable


@contextmanager
def strangers_weights(path: Path, expected: str) -> Iterator[None]:
    """Around code that takes settings from shapes and names of weights, and trips over odd ones.

    Raises:
        UserError: it did: the file is not what was expected.
    """
    try:
        yield
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = printable((str(error) or type(error).__name__).splitlines()[0], 200)
        raise UserError(
            f"{path} is not {expected}, or the options do not go with it: its weights have other names or "
            f"shapes ({reason})"
        ) from error


def state_of(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict inside a loaded file: bare, wrapped under a usual name, or of a whole module.

    Its names are without the prefixes of DataParallel and ``torch.compile``.

    Raises:
        UserError: there is none.
    """
    if isinstance(content, Shell):
        return without_wrappers(dict(_module_state(content, "")), path)
    if isinstance(content, dict):
        if content and all(isinstance(value, Tensor) for value in content.values()):
            return without_wrappers(content, path)
        for name in ("state_dict", "netG", "net_G", "model", "params"):
            if name in content:
                return state_of(content[name], path)
    raise UserError(
        f"{path} holds no state dict: expected a dictionary of tensors, found {_described(content)}"
    )


def _described(content: Any) -> str:
    if isinstance(content, dict):
        return f"a dictionary with the keys {printable(', '.join(map(str, list(content)[:6])), 200)}"
    return f"a {type(content).__name__}"


def _module_state(module: Shell, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers of a module that was saved whole, under their state dict's names."""
    for kind in ("_parameters", "_buffers"):
        for name, tensor in _entries(module, kind):
            if isinstance(tensor, Tensor):
                yield f"{prefix}{name}", tensor.detach()
    for name, child in _entries(module, "_modules"):
        if isinstance(child, Shell):
            yield from _module_state(child, f"{prefix}{name}.")


def _entries(module: Shell, kind: str) -> list[tuple[Any, Any]]:
    found = getattr(module, kind, None)
    return list(found.items()) if isinstance(found, dict) else []
