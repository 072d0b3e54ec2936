"""Reads old pickles without running anything from them.

Old programs saved whole modules and option objects. Their pickles name classes; here a short list of harmless
constructors is allowed, the classes of networks become empty shells that only hold what was stored in them,
and every other name is refused before it is even imported.
"""

from __future__ import annotations

import argparse
import collections
import io
import pickle
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from asap_lightning.errors import UserError


class Refused(pickle.UnpicklingError):
    """A pickle names something that is not allowed."""


class Shell:
    """Stands for an object of a class that is never imported; holds its attributes."""

    dump_patches = False  # torch.load asks module classes for it

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def __setstate__(self, state: Any) -> None:
        parts = state if isinstance(state, tuple) else (state,)
        for part in parts:
            if isinstance(part, dict):
                self.__dict__.update(part)


_PLAIN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): lambda *_: {},
    ("argparse", "Namespace"): argparse.Namespace,
    ("torch", "Size"): torch.Size,
    ("torch", "device"): torch.device,
    ("torch._utils", "_rebuild_tensor"): torch._utils._rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
    ("torch.nn.parameter", "Parameter"): lambda data, *_: data,
    ("_codecs", "encode"): lambda text, _encoding: text.encode("latin1"),
}
_BUILTINS = {"set", "frozenset", "list", "dict", "tuple", "int", "float", "bool", "str", "complex", "slice"}
_STORAGES = {
    name: getattr(torch, name)
    for name in dir(torch)
    if name.endswith("Storage") and isinstance(getattr(torch, name), type)
}
# Modules of the original programs whose classes are networks or parts of them.
_NETWORKS = (
    "torch.nn.modules.",
    "torch.nn.utils.spectral_norm",
    "torch.nn.backends.",
    "models.",
    "networks.",
    "SinGAN.",
)


def _numpy_names() -> dict[tuple[str, str], Any]:
    import numpy as np
    from numpy._core import multiarray

    names: dict[tuple[str, str], Any] = {("numpy", "dtype"): np.dtype, ("numpy", "ndarray"): np.ndarray}
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        names[module, "scalar"] = multiarray.scalar
        names[module, "_reconstruct"] = multiarray._reconstruct
    return names


def resolve(module: str, name: str) -> Any:
    """What a name in a pickle stands for.

    Raises:
        Refused: it is not on the allow-list; nothing was imported.
    """
    found = _PLAIN.get((module, name))
    if found is not None:
        return found
    if module in ("builtins", "__builtin__") and name in _BUILTINS:
        return {"set": set, "frozenset": frozenset, "slice": slice}.get(name) or getattr(_builtins(), name)
    if module in ("torch", "torch.storage") and name in _STORAGES:
        return _STORAGES[name]
    if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
        return getattr(torch, name)
    if module.split(".")[0] == "numpy":
        found = _numpy_names().get((module, name))
        if found is not None:
            return found
    if module.startswith(_NETWORKS):
        return Shell
    raise Refused(f"it tries to import '{module}.{name}'")


def _builtins() -> ModuleType:
    import builtins

    return builtins


class RestrictedUnpickler(pickle.Unpickler):
    """Resolves names by `resolve` only."""

    def find_class(self, module: str, name: str) -> Any:
        return resolve(module, name)


class _PickleModule:
    """What `torch.load` wants as ``pickle_module``."""

    Unpickler = RestrictedUnpickler
    UnpicklingError = pickle.UnpicklingError
    __name__ = "restricted pickle"

    @staticmethod
    def load(file: Any, **settings: Any) -> Any:
        return RestrictedUnpickler(file, **settings).load()


def load_pickle(path: Path) -> Any:
    """A plain pickle (``opt.pkl``).

    Raises:
        UserError: damaged, or naming something that is not allowed.
    """
    return _guarded(path, lambda: RestrictedUnpickler(io.BytesIO(path.read_bytes())).load())


def load_torch(path: Path) -> Any:
    """A file of ``torch.save``: weights alone, or whole modules as shells.

    Raises:
        UserError: missing, damaged, or naming something that is not allowed.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return _guarded(path, lambda: _load_shells(path))
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UserError(_damaged(path, error)) from error


def _load_shells(path: Path) -> Any:
    module: Any = _PickleModule
    with warnings.catch_warnings():
        # a shell's source differs from that of the class it stands for, of course
        warnings.simplefilter("ignore", torch.serialization.SourceChangeWarning)
        return torch.load(path, map_location="cpu", pickle_module=module, weights_only=False)


def _guarded(path: Path, read: Callable[[], Any]) -> Any:
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    try:
        return read()
    except Refused as error:
        raise UserError(
            f"{path} was refused: {error}, which no checkpoint needs; nothing from it was run. "
            "Ask its author for a file of weights alone (a state dict)"
        ) from error
    except (
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
    ) as error:
        raise UserError(_damaged(path, error)) from error
    except pickle.UnpicklingError as error:
        raise UserError(_damaged(path, error)) from error


def _damaged(path: Path, error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{path} ({path.stat().st_size} bytes) is damaged or not a checkpoint: {lines[0]}"


def state_of(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict inside a loaded file: bare, wrapped under a usual name, or of a whole module.

    Raises:
        UserError: there is none.
    """
    if isinstance(content, Shell):
        return dict(_module_state(content, ""))
    if isinstance(content, dict):
        if content and all(isinstance(value, Tensor) for value in content.values()):
            return dict(content)
        for name in ("state_dict", "netG", "net_G", "model", "params"):
            if name in content:
                return state_of(content[name], path)
    raise UserError(
        f"{path} holds no state dict: expected a dictionary of tensors, found {_described(content)}"
    )


def _described(content: Any) -> str:
    if isinstance(content, dict):
        return f"a dictionary with the keys {', '.join(map(str, list(content)[:6]))}"
    return f"a {type(content).__name__}"


def _module_state(module: Shell, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers of a module that was saved whole, under their state dict's names."""
    for kind in ("_parameters", "_buffers"):
        for name, tensor in getattr(module, kind, {}).items():
            if isinstance(tensor, Tensor):
                yield f"{prefix}{name}", tensor.detach()
    for name, child in getattr(module, "_modules", {}).items():
        if isinstance(child, Shell):
            yield from _module_state(child, f"{prefix}{name}.")
