"""Image files of any size, written strip after strip, and there only when they are whole."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write, remove_if_there
from asap_lightning.inference.large.cog import write_cog
from asap_lightning.inference.large.png_writer import write_png
from asap_lightning.inference.large.tiles import SIDE, of_height, tiles_of

LargeFormat = Literal["tiff", "png", "zarr", "cog"]
SUFFIX: dict[LargeFormat, str] = {"tiff": ".tif", "png": ".png", "zarr": ".zarr", "cog": ".tif"}
KEY = "asap-lightning"
"""Under this name a file says what it was made from."""
Strips = Iterable[NDArray[np.uint8]]


def parse_format(given: object) -> LargeFormat:
    """The format of this name.

    Raises:
        UserError: none has it, or what writes it is not installed.
    """
    if given not in get_args(LargeFormat):
        raise UserError(f"large_format={given}: one of {', '.join(get_args(LargeFormat))} was expected")
    assert isinstance(given, str)
    made: LargeFormat = given  # type: ignore[assignment]
    if made in ("tiff", "zarr"):
        _library("tifffile" if made == "tiff" else "zarr", made)
    return made


def format_of(path: Path) -> LargeFormat:
    """The format that a file's name asks for.

    Raises:
        UserError: none that is written by strips.
    """
    for name, suffix in SUFFIX.items():
        if path.suffix.lower() in (suffix, ".tiff" if suffix == ".tif" else suffix):
            return parse_format(name)
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
    with _atomic_folder(path) as folder:
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


@contextmanager
def _atomic_folder(path: Path) -> Iterator[Path]:
    """As `atomic_write` for a folder; one that is there is replaced at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(6)
    made, old = (path.with_name(f".{path.name}.{mark}.{kind}") for kind in ("tmp", "old"))
    try:
        yield made
        if path.is_dir() and not path.is_symlink():
            os.replace(path, old)  # a folder with files in it cannot be replaced
        else:
            remove_if_there(path)
        os.replace(made, path)
    finally:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _library(name: str, format: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(
            f"large_format={format} needs {name}: pip install 'asap-lightning[large]', or large_format=png"
        ) from error
