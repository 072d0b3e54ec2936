"""Finds and loads the native library: a plain C interface through ctypes.

Plain C and ctypes, because such a library outlives every upgrade of Python and torch: it links to neither.
A call releases the interpreter's lock. Its threads are those of the OpenMP runtime that torch has loaded.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import Any

import asap_lightning
from asap_lightning.errors import UserError

NAME = "_asap_native.so"
ABI_VERSION = 6
VARIABLE = "ASAP_NATIVE_LIBRARY"
ISA_VARIABLE = "ASAP_NATIVE_ISA"
ISAS = ("avx512", "avx2", "neon", "generic")
"""Instruction sets that may be wished for; what the processor lacks is lowered."""

logger = logging.getLogger("asap_lightning.ops")


class CTensor(ctypes.Structure):
    """`asap_tensor`."""

    _fields_ = (("data", ctypes.c_void_p), ("dtype", ctypes.c_int32), ("strides", ctypes.c_int64 * 4))


class CMlp(ctypes.Structure):
    """`asap_mlp`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "rows", "columns")),
        *(
            (name, ctypes.c_int32)
            for name in (
                "tile",
                "width",
                "depth",
                "num_classes",
                "image_channels",
                "out_channels",
                "positional_encoding",
            )
        ),
        ("negative_slope", ctypes.c_float),
    )


class CBilateral(ctypes.Structure):
    """`asap_bilateral`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "height", "width")),
        *((name, ctypes.c_int32) for name in ("rows", "columns", "depth", "inputs", "outputs")),
    )


class CConv(ctypes.Structure):
    """`asap_conv`."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("inputs", "outputs", "stride", "winograd")),
        *((name, ctypes.c_void_p) for name in ("weight", "gamma", "beta")),
        ("eps", ctypes.c_float),
    )


class CPatch(ctypes.Structure):
    """`asap_patch`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "height", "width")),
        *((name, ctypes.c_int32) for name in ("inputs", "outputs")),
    )


class CNorm(ctypes.Structure):
    """`asap_norm`."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("batch", "pixels", "channels")),
        ("slope", ctypes.c_float),
        *((name, ctypes.c_void_p) for name in ("z", "mean", "inv", "gamma", "beta", "gain")),
    )


class CRange(ctypes.Structure):
    """`asap_range`."""

    _fields_ = (("low", ctypes.c_int64), ("high", ctypes.c_int64))


_pointer, _int64, _int32, _int = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32, ctypes.c_int
_tensor, _range = ctypes.POINTER(CTensor), ctypes.POINTER(CRange)
_strides = ctypes.POINTER(_int64)
_mlp, _conv = ctypes.POINTER(CMlp), ctypes.POINTER(CConv)
_bilateral = ctypes.POINTER(CBilateral)
_patch, _norm = ctypes.POINTER(CPatch), ctypes.POINTER(CNorm)
_float, _double = ctypes.c_float, ctypes.c_double
# Name: result, arguments.
SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "asap_isa": (ctypes.c_char_p, []),
    "asap_set_thread_pool": (None, [_pointer]),
    "asap_tile_major": (_int, [_tensor, _int64, _int64, _int64, _int64, _pointer, _int]),
    "asap_pixelwise_forward": (_int, [_mlp, _pointer, _tensor, _tensor, _pointer, _int32, _range, _int]),
    "asap_pixelwise_backward": (
        _int, [_mlp, _pointer, _tensor, _tensor, _tensor, _pointer, _pointer, _range, _int]
    ),
    "asap_class_pool": (
        _int, [_tensor, _int64, _int64, _int64, _int32, _int32, _pointer, _strides, _range, _int]
    ),
    "asap_bilateral_forward": (_int, [_bilateral, _pointer, _tensor, _tensor, _pointer, _int32, _int]),
    "asap_bilateral_backward": (_int, [_bilateral, _pointer, *[_tensor] * 3, *[_pointer] * 3, _int]),
    "asap_lowres_create": (_pointer, [_conv, _int, _int, _int64, _pointer, _pointer, _int]),
    "asap_lowres_bytes": (_int64, [_pointer]),
    "asap_lowres_run": (_int, [_pointer, _tensor, _int64, _int64, _int64, _pointer, _int]),
    "asap_lowres_seconds": (None, [_pointer, ctypes.POINTER(ctypes.c_double)]),
    "asap_lowres_free": (None, [_pointer]),
    "asap_convolution_create": (_pointer, [_pointer, _pointer, _int, _int, _int, _int]),
    "asap_convolution_bytes": (_int64, [_pointer]),
    "asap_convolution_run": (
        _int, [_pointer, _pointer, _pointer, _int, _int64, _int64, _int64, _pointer, _int]
    ),
    "asap_convolution_free": (None, [_pointer]),
    "asap_patch_filter_floats": (_int64, [_int, _int]),
    "asap_patch_filters": (None, [_pointer, _int, _int, _int, _pointer]),
    "asap_patch_convolve": (_int, [_patch, _pointer, _pointer, _pointer, _float, _int, _pointer, _int]),
    "asap_patch_gradient_floats": (_int64, [_int, _int]),
    "asap_patch_gradient": (_int, [_patch, _pointer, _pointer, _pointer, _int]),
    "asap_patch_gradient_finish": (None, [_pointer, _int, _int, _pointer]),
    "asap_patch_norm_forward": (_int, [_norm, _float, *[_pointer] * 3, _double, _pointer, _int]),
    "asap_patch_norm_reverse": (_int, [_norm, *[_pointer] * 3, _int]),
    "asap_patch_norm_tangent": (_int, [_norm, *[_pointer] * 4, _int]),
    "asap_patch_norm_second": (_int, [_norm, *[_pointer] * 7, _int]),
    "asap_multiply_adds": (_int64, [_int64, _int]),
}  # fmt: skip


def candidates() -> list[Path]:
    """Where the library may lie: ``ASAP_NATIVE_LIBRARY`` if set, else the package, then a build here."""
    if wish := os.environ.get(VARIABLE):
        return [Path(wish)]
    folders = [Path(folder) for folder in asap_lightning.__path__]
    installed = Path(sysconfig.get_path("platlib")) / "asap_lightning"
    built = folders[0].parents[1] / "build" / "native"
    return [folder / NAME for folder in (*folders, installed, built)]


@lru_cache(maxsize=1)
def load() -> ctypes.CDLL | str:
    """The library, or why there is none; that is said once in the log.

    Raises:
        UserError: ``ASAP_NATIVE_ISA`` names no instruction set.
    """
    if (wish := os.environ.get(ISA_VARIABLE)) and wish not in ISAS:
        raise UserError(f"{ISA_VARIABLE}={wish}: one of {', '.join(ISAS)} was expected, or nothing")
    loaded = _open()
    if isinstance(loaded, str):
        logger.warning("%s; the slower torch backend is used on the CPU", loaded)
        return loaded
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(loaded, name)
        function.argtypes, function.restype = arguments, result
    loaded.asap_set_thread_pool(_openmp_runtime())
    return loaded


def _open() -> ctypes.CDLL | str:
    found = next((path for path in candidates() if path.is_file()), None)
    if found is None:
        return (
            "this installation has no native library (no C++ compiler was found when it was installed); "
            "install one and reinstall, or run `make native` in the repository"
        )
    try:
        opened = ctypes.CDLL(str(found))
        version = opened.asap_abi_version()
    except (OSError, AttributeError) as error:
        return f"the native library {found} cannot be loaded: {error}"
    if version != ABI_VERSION:
        return f"the native library {found} has interface {version}, expected {ABI_VERSION}; rebuild it"
    return opened


def _openmp_runtime() -> int | None:
    """The address of ``GOMP_parallel`` in the OpenMP runtime that torch has loaded, if it has one.

    Two thread pools in one process would wait for each other's spinning threads.
    """
    try:
        return ctypes.cast(ctypes.CDLL(None).GOMP_parallel, ctypes.c_void_p).value
    except (AttributeError, OSError, TypeError):
        return None


def library() -> ctypes.CDLL:
    """The loaded library; RuntimeError if there is none."""
    loaded = load()
    if isinstance(loaded, str):
        raise RuntimeError(loaded)
    return loaded


def load_failure() -> str:
    """Why the native library cannot be used; empty if it can."""
    loaded = load()
    return loaded if isinstance(loaded, str) else ""


def instruction_set() -> str:
    """The instruction set it runs: ``avx512``, ``avx2``, ``neon`` or ``generic``."""
    return library().asap_isa().decode()
