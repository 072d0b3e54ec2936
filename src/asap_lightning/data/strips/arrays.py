"""Arrays in files, by strips: NumPy's ``.npy`` as a map of memory, and zarr by chunks."""

from __future__ import annotations

import json
import math
import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.data.npy import map_npy
from asap_lightning.data.strips.strips import LARGEST_PIECE, Strips
from asap_lightning.errors import UserError
from asap_lightning.untrusted.text import read_text

_DESCRIPTIONS = ("zarr.json", ".zarray")
_MOST_DESCRIBED = 1 << 20
_CODECS = frozenset(
    (
        "bytes",
        "gzip",
        "zlib",
        "zstd",
        "blosc",
        "crc32c",
        "transpose",
        "sharding_indexed",
        "lz4",
        "bz2",
        "lzma",
    )
)
"""What may pack a chunk. Others are refused before zarr sees them: ``pickle`` runs what a file says."""


class ArrayStrips(Strips):
    """An array (H, W) or (H, W, C) of numbers.

    Args:
        path: where it comes from.
        array: what is sliced by rows.

    Raises:
        UserError: another shape, or values that no picture has.
    """

    def __init__(self, path: Path, array: Any) -> None:
        shape = tuple(array.shape)
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
            raise UserError(
                f"{path} has the shape {shape}; (height, width), or (height, width, channels) with 1, 3 or 4 "
                "channels, was expected"
            )
        super().__init__(path, shape[1], shape[0])
        self._array = array

    def read(self, top: int, bottom: int) -> Image.Image:
        try:
            rows = np.asarray(self._array[top:bottom])
        except Exception as error:  # whatever a codec meets in a damaged chunk
            raise self.damaged(error) from error
        picture = self._picture(rows[..., 0] if rows.ndim == 3 and rows.shape[2] == 1 else rows)
        if isinstance(self._array, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):
            # else every page read so far would stay and count as this process's memory
            self._array._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
        return picture

    def _picture(self, rows: NDArray) -> Image.Image:
        """The rows in the mode that a picture file of such values is opened in."""
        if rows.dtype == np.uint8 or rows.dtype == np.bool_:
            return Image.fromarray(np.ascontiguousarray(rows))
        if rows.ndim == 3:
            raise UserError(f"{self.path} holds channels of {rows.dtype}; uint8 was expected")
        if rows.dtype == np.uint16:
            return Image.fromarray(np.ascontiguousarray(rows, dtype=np.dtype("<u2")))
        if rows.dtype.kind == "f":
            return Image.fromarray(rows.astype(np.float32))
        limits = np.iinfo(np.int32)
        if rows.size and not limits.min <= int(rows.min()) <= int(rows.max()) <= limits.max:
            raise UserError(
                f"{self.path} holds whole numbers beyond 32 bits; ids of at most 32 were expected"
            )
        return Image.fromarray(rows.astype(np.int32))


def open_npy(path: Path) -> ArrayStrips:
    """An array file whose pages are read as they are needed."""
    return ArrayStrips(path, map_npy(path))


def is_zarr(path: Path) -> bool:
    """Whether this is the folder of a zarr array (or group)."""
    return path.is_dir() and any((path / name).is_file() for name in (*_DESCRIPTIONS, ".zgroup"))


def open_zarr(path: Path) -> ArrayStrips:
    """A zarr array of format 2 or 3.

    Raises:
        UserError: zarr is not installed, a group, another kind of values, or packed by what is not trusted.
    """
    described = _described(path)
    try:
        import zarr
    except ImportError as error:
        raise UserError(
            f"{path} is a zarr array; reading one needs pip install 'asap-lightning[large]'"
        ) from error
    if unknown := sorted(_codecs(described) - _CODECS):
        raise UserError(f"{path} is packed by {', '.join(unknown)}; known are {', '.join(sorted(_CODECS))}")
    try:
        array = zarr.open_array(str(path), mode="r")
        shape, dtype = array.shards or array.chunks, np.dtype(array.dtype)
    except Exception as error:  # whatever zarr meets in a stranger's description
        raise UserError(
            f"{path} is no zarr array that can be read ({str(error).splitlines()[0][:200]})"
        ) from error
    if dtype.kind not in "buif":
        raise UserError(f"{path} holds {dtype}; numbers were expected")
    made = ArrayStrips(path, array)
    if (size := math.prod(shape) * dtype.itemsize) > LARGEST_PIECE:
        raise made.too_coarse("chunks", size)
    return made


def read_described(path: Path) -> str:
    """The text that describes a zarr array; empty where there is none.

    Raises:
        UserError: it is far too long.
    """
    for file in (path / name for name in _DESCRIPTIONS):
        if not file.is_file():
            continue
        return read_text(file, most=_MOST_DESCRIBED, errors="replace")
    return ""


def _described(path: Path) -> dict[str, Any]:
    try:
        described = json.loads(read_described(path) or "{}")
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: its description is not JSON: {error}") from error
    if isinstance(described, dict) and "shape" in described:
        return described
    raise UserError(f"{path} is a zarr group; give the folder of the array in it: {path}/NAME")


def _codecs(described: Any) -> set[str]:
    """The names of everything that packs the chunks, however deeply nested."""
    found: set[str] = set()
    for key in ("codecs", "index_codecs", "filters", "compressor"):
        given = described.get(key) or []
        for codec in given if isinstance(given, list) else [given]:
            name = codec.get("name", codec.get("id")) if isinstance(codec, dict) else codec
            found.add(str(name)[:40])
            if isinstance(codec, dict) and isinstance(codec.get("configuration"), dict):
                found |= _codecs(codec["configuration"])
    return found
