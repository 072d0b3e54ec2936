"""Image files of any size, written strip after strip, and there only when they are whole."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_folder, atomic_write
from asap_lightning.inference.large.cog import write_cog
from asap_lightning.inference.large.png_writer import write_png
from asap_lightning.inference.large.tiles import SIDE, of_height, tiles_of
from asap_lightning.inference.origin import KEY

LargeFormat = Literal["tiff", "png", "zarr", "cog"]
SUFFIX: dict[LargeFormat, str] = {"tiff": ".tif", "png": ".png", "zarr": ".zarr", "cog": ".tif"}
Strips = Iterable[NDArray[np.uint8]]


def parse_format(given: object) -> LargeFormat:
    """The format of this name; what writes it is asked for when the first image is there.

    Raises:
        UserError: none has it.
    """
    if given not in SUFFIX:
        raise UserError(f"large_format={given}: one of {', '.join(SUFFIX)} was expected")
    return given


def require_writer(format: LargeFormat) -> LargeFormat:
    """The format, if what writes it is installed.

    Raises:
        UserError: it is not.
    """
    if format in ("tiff", "zarr"):
        _library("tifffile" if format == "tiff" else "zarr", format)
    return format


def format_of(path: Path) -> LargeFormat:
    """The format that a file's name asks for.

    Raises:
        UserError: none that is written by strips.
    """
    for name, suffix in SUFFIX.items():
        if path.suffix.lower() in (suffix, ".tiff" if suffix == ".tif" else suffix):
            return require_writer(name)
    raise UserError(f"{path}: a large image is written as {', '.join(sorted(set(SUFFIX.values())))}")


def write_strips(
    path: Path, strips: Strips, height: int, width: int, format: LargeFormat, about: str
) -> None:
    """Writes an image as its strips come; if anything goes wrong, nothing is left under the name.

    Args:
        path: the file; for zarr a folder.
        strips: (h, W, 3) from top to bottom.
        height, width: of the image.
        format: ``tiff`` (tiled BigTIFF), ``png``, ``zarr``, or ``cog`` (Cloud Optimized GeoTIFF).
        about: what the image was made from, kept in the file.

    Raises:
        UserError: the disk is full, or the place cannot be written to.
    """
    try:
        if format == "zarr":
            _write_zarr(path, strips, height, width, about)
            return
        with atomic_write(path) as file:
            if format == "png":
                write_png(file, strips, height, width, {KEY: about})
            elif format == "tiff":
                _write_tiff(file, strips, height, width, about)
            else:
                write_cog(file, strips, height, width, about, path.parent)
    except OSError as error:
        raise UserError(_not_written(path, error)) from error


def _not_written(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{path}: the disk filled up while it was written; nothing of it is left. Free some and try again"
        )
    return f"{path} cannot be written: {error.strerror or error}"


def _write_tiff(file: Any, strips: Strips, height: int, width: int, about: str) -> None:
    tifffile = _library("tifffile", "tiff")
    with tifffile.TiffWriter(file, bigtiff=True) as writer:
        writer.write(
            tiles_of(strips),
            shape=(height, width, 3),
            dtype=np.uint8,
            tile=(SIDE, SIDE),
            photometric="rgb",
            compression="zlib",
            predictor=2,
            description=about,
            software=KEY,
            metadata=None,
            maxworkers=1,
        )


def _write_zarr(path: Path, strips: Strips, height: int, width: int, about: str) -> None:
    zarr = _library("zarr", "zarr")
    with atomic_folder(path, replace=True) as folder:
        array = zarr.create_array(
            str(folder),
            shape=(height, width, 3),
            chunks=(SIDE, SIDE, 3),
            dtype="uint8",
            attributes={KEY: about},
            dimension_names=("y", "x", "c"),
        )
        top = 0
        for rows in of_height(strips):
            array[top : top + len(rows)] = rows
            top += len(rows)


def _library(name: str, format: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(
            f"large_format={format} needs {name}: pip install 'asap-lightning[large]', or large_format=png"
        ) from error
