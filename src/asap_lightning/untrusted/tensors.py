"""Tensors out of a file of ``torch.save``: made from the bytes of their storages, within their bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_NAMES = [
    "float64",
    "float32",
    "float16",
    "bfloat16",
    "complex128",
    "complex64",
    "int64",
    "int32",
    "int16",
    "int8",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
    "float8_e5m2",
    "float8_e4m3fn",
    "float8_e5m2fnuz",
    "float8_e4m3fnuz",
    "float8_e8m0fnu",
]
DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name) for name in _NAMES if isinstance(getattr(torch, name, None), torch.dtype)
}
"""Types of numbers; quantised tensors and packed bits are none."""
STORAGES: dict[str, torch.dtype] = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexDoubleStorage": torch.complex128,
    "ComplexFloatStorage": torch.complex64,
    "UntypedStorage": torch.uint8,
}
MAX_AXES = 64
SMALL = 2**16
"""Bytes that a tensor may take however small its file is: one value repeated by a stride of 0."""


class Allowance:
    """What all tensors of a file may take together: those that share their bytes count each.

    Args:
        size: of the file in bytes.
    """

    SHARED = 16

    def __init__(self, size: int) -> None:
        self.each = max(size, SMALL)
        self.left = self.SHARED * self.each

    def take(self, size: int) -> None:
        """Counts one tensor.

        Raises:
            ValueError: it is larger than the file, or all are much larger.
        """
        self.left -= size
        if size > self.each or self.left < 0:
            raise ValueError("its tensors are larger than the file: they repeat a few numbers")


@dataclass
class Storage:
    """Bytes that tensors share.

    Attributes:
        dtype: what they are stored as.
        size: number of bytes.
        read: gives them as a tensor of bytes, the same one each time.
        allowance: of the file.
    """

    dtype: torch.dtype
    size: int
    read: Callable[[], Tensor]
    allowance: Allowance

    def tensor(self, dtype: torch.dtype, offset: Any, size: Any, stride: Any) -> Tensor:
        """A view.

        Args:
            dtype: of the numbers.
            offset: of the first, in numbers.
            size, stride: as of a tensor.

        Raises:
            ValueError: it does not lie inside the storage.
        """
        if not _are_lengths(size) or not _are_lengths(stride) or len(size) != len(stride):
            raise ValueError("a tensor has a shape or strides that are none")
        if type(offset) is not int or offset < 0:
            raise ValueError("a tensor begins before its storage")
        count = self.size // dtype.itemsize
        last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
        if (0 not in size and last >= count) or offset > count:
            raise ValueError(f"a tensor reaches beyond its storage of {count} numbers")
        # an empty axis beside a long one holds nothing, but networks are made as large as shapes say
        self.allowance.take(math.prod(length or 1 for length in size) * dtype.itemsize)
        content = self.read()
        if content.is_meta:
            return torch.empty_strided(tuple(size), tuple(stride), dtype=dtype, device="meta")
        if dtype == torch.bool:
            content.clamp_(max=1)  # other bytes are no truth values, and what they do is undefined
        return content[: count * dtype.itemsize].view(dtype).as_strided(tuple(size), tuple(stride), offset)


def _are_lengths(values: Any) -> bool:
    fits = isinstance(values, tuple | list) and len(values) <= MAX_AXES
    return fits and all(type(value) is int and 0 <= value < 2**62 for value in values)


def rebuild(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    _gradient: Any = False,
    _hooks: Any = None,
    metadata: Any = None,
) -> Tensor:
    """``torch._utils._rebuild_tensor`` and ``_rebuild_tensor_v2``; never with gradients."""
    _refuse(metadata)
    return _require(storage).tensor(_require(storage).dtype, offset, size, stride)


def rebuild_as(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    _gradient: Any,
    _hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Tensor:
    """``torch._utils._rebuild_tensor_v3``: the storage holds bytes, the type comes along."""
    _refuse(metadata)
    if dtype not in DTYPES.values():
        raise ValueError("a tensor is not of numbers")
    return _require(storage).tensor(dtype, offset, size, stride)


def parameter(data: Any, *_: Any) -> Tensor:
    """``torch._utils._rebuild_parameter`` and ``torch.nn.Parameter``: the tensor."""
    if not isinstance(data, Tensor):
        raise ValueError("a parameter is no tensor")
    return data


def size_of(lengths: Any = ()) -> torch.Size:
    """``torch.Size``."""
    if not _are_lengths(lengths):
        raise ValueError("a torch.Size holds other things than lengths")
    return torch.Size(lengths)


def device(*words: Any) -> torch.device:
    """``torch.device``: a name, nothing is reserved on it."""
    if not words or not isinstance(words[0], str) or not all(type(word) is int for word in words[1:]):
        raise ValueError("a torch.device has another form")
    return torch.device(*words[:2])


def _refuse(metadata: Any) -> None:
    if metadata:
        raise ValueError("a tensor is marked as conjugate or negative; save it resolved")


def _require(storage: Any) -> Storage:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor has no storage")
    return storage


def empty(size: int) -> Tensor:
    """Room for the bytes of a storage, aligned as tensors want it."""
    return torch.empty(size, dtype=torch.uint8)


def fill(target: Tensor, read: Callable[[int], bytes], chunk: int = 2**22) -> None:
    """Fills a tensor of bytes.

    Raises:
        ValueError: the file ends before.
    """
    view, done = memoryview(target.numpy()), 0  # type: ignore[arg-type]
    while done < len(view):
        part = read(min(chunk, len(view) - done))
        if not part:
            raise ValueError("it ends in the middle of a tensor: it is truncated")
        view[done : done + len(part)] = part
        done += len(part)
