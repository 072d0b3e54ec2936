"""NumPy's ``.npy`` files: arrays of numbers, as large as their header says and no larger."""

from __future__ import annotations

import math
from io import BytesIO
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from asap_lightning.data.source import Source, open_source, size_of
from asap_lightning.errors import UserError

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npy(source: Source) -> NDArray:
    """The array in a file.

    The header is compared with the file's size before memory is taken, and only types of numbers are read.

    Raises:
        UserError: missing, or not such a file.
    """
    try:
        file = open_source(source)
        if isinstance(file, BytesIO):
            return _read(file, size_of(source))
        with file.open("rb") as opened:
            return _read(opened, size_of(source))
    except FileNotFoundError as error:
        raise UserError(f"{source}: there is no such file") from error
    except Exception as error:  # whatever NumPy meets in a header that is a piece of Python
        raise _unreadable(source, error) from error


def map_npy(path: Path) -> NDArray:
    """As `read_npy`, with the file's pages read as they are needed; not to be written to.

    Raises:
        UserError: missing, or not such a file.
    """
    try:
        with path.open("rb") as file:
            shape, order, dtype = _header(file, path.stat().st_size)
            start = file.tell()
        return np.memmap(path, dtype, "r", start, shape, order)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file") from error
    except Exception as error:  # whatever NumPy meets in a header that is a piece of Python
        raise _unreadable(path, error) from error


def _unreadable(source: Source, error: Exception) -> UserError:
    reason = (str(error) or type(error).__name__).splitlines()[0][:200]
    return UserError(f"{source} is not a NumPy array that can be read ({reason})")


def _read(file: IO[bytes], size: int) -> NDArray:
    shape, order, dtype = _header(file, size)
    flat = np.frombuffer(file.read(math.prod(shape) * dtype.itemsize), dtype)
    return flat.reshape(shape, order=order).copy()


def _header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype]:
    """Shape, order and type; a ValueError where they are not what ``size`` bytes hold."""
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"format {version[0]}.{version[1]}, expected 1.0 or 2.0")
    shape, fortran, dtype = _HEADERS[version](file)
    if dtype.kind not in "buif" or dtype.hasobject:
        raise ValueError(f"it holds {str(dtype)[:40]}, numbers were expected")
    if any(length < 0 for length in shape):
        raise ValueError("it has an axis of negative length")
    count = math.prod(shape)
    if count * dtype.itemsize != size - file.tell() or math.prod(length or 1 for length in shape) > size:
        raise ValueError(f"it has {size} bytes, which is not what its shape {str(shape)[:60]} takes")
    return shape, "F" if fortran else "C", dtype
