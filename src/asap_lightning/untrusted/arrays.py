"""NumPy's arrays and numbers out of a pickle: the type by its name from a list, the bytes as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMERIC = re.compile(r"[<>|=]?(?:b1|\?|[iu][1248]|f[248]|c8|c16)")
MAX_AXES = 32


@dataclass
class DType:
    """Stands for a ``numpy.dtype`` while its state is awaited."""

    code: str

    def set_state(self, state: Any) -> None:
        """Takes the byte order from what ``dtype.__reduce__`` has stored, and nothing else."""
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise ValueError("a NumPy type has a byte order that does not exist")
        self.code = order + self.code.lstrip("<>|=")

    @property
    def numeric(self) -> np.dtype:
        """The type itself."""
        return np.dtype(self.code)


@dataclass
class Array:
    """Stands for an array until its state comes.

    Attributes:
        slots: where the unpickler has noted it; the finished array goes there too.
    """

    slots: list[int] = field(default_factory=list)


def dtype(code: Any, *_: Any) -> DType:
    """``numpy.dtype('f4', False, True)``."""
    if not isinstance(code, str) or not _NUMERIC.fullmatch(code):
        raise ValueError("an array of other things than numbers")
    return DType(code)


def scalar(kind: Any, content: Any) -> Any:
    """``numpy.core.multiarray.scalar``: a Python number."""
    return from_bytes(content, kind, ()).item()


def from_state(state: Any) -> NDArray:
    """What ``ndarray.__setstate__`` makes of (version, shape, type, is_fortran, content)."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise ValueError("a NumPy array has a state of another form")
    _, shape, kind, fortran, content = state
    return from_bytes(content, kind, shape, "F" if fortran else "C")


def from_bytes(content: Any, kind: Any, shape: Any, order: Any = "C") -> NDArray:
    """An array with its own memory; exactly as many bytes as its shape and type take."""
    if isinstance(content, str):  # Python 2 wrote bytes as text
        content = content.encode("latin1")
    if not isinstance(kind, DType) or not isinstance(content, bytes | bytearray):
        raise ValueError("an array of other things than numbers")
    if not isinstance(shape, tuple) or len(shape) > MAX_AXES or order not in ("C", "F"):
        raise ValueError("a NumPy array has a shape or order of another form")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError("a NumPy array has a shape that is none")
    flat = np.frombuffer(bytes(content), kind.numeric)
    return flat.reshape(shape, order=order).copy(order=order)
