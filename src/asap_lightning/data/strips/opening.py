"""From a path to its strips, whatever the file is."""

from __future__ import annotations

import math
from pathlib import Path

from asap_lightning.data.formats import TIFF_SIGNATURES, open_picture, open_tiff
from asap_lightning.data.reading import MAX_PIXELS
from asap_lightning.data.strips.arrays import is_zarr, open_npy, open_zarr
from asap_lightning.data.strips.png import PngStrips
from asap_lightning.data.strips.png_chunks import SIGNATURE, read_header
from asap_lightning.data.strips.strips import NotInStrips, Strips
from asap_lightning.data.strips.tiff import TiffStrips
from asap_lightning.data.strips.whole import WholePicture
from asap_lightning.errors import UserError

SUFFIXES = frozenset({".npy", ".zarr"})
"""Of arrays, which are read by strips beside pictures."""


def open_strips(path: Path) -> Strips:
    """A file's strips: PNG, TIFF, BigTIFF, npy and zarr in bounded memory, other pictures decoded whole.

    Raises:
        UserError: missing, damaged, too large, or in a form that can only be read whole and is too large for
            that.
    """
    if is_zarr(path):
        return open_zarr(path)
    if path.suffix.lower() == ".npy":
        return open_npy(path)
    beginning = _beginning(path)
    try:
        if beginning.startswith(SIGNATURE):
            return PngStrips(path)
        if beginning.startswith(TIFF_SIGNATURES):
            return _tiff(path)
    except NotInStrips as error:
        size = stored_size(path)
        if size is not None and math.prod(size) > MAX_PIXELS:
            raise UserError(
                f"{path} has {size[0]} x {size[1]} pixels, and {error}: so it can only be read whole, which "
                f"is done up to {MAX_PIXELS:,} pixels. Save it anew as an upright PNG without interlacing or "
                "as a tiled TIFF"
            ) from error
    return WholePicture(path)


def stored_size(path: Path) -> tuple[int, int] | None:
    """Width and height as the file says; None where nothing can be said, which reading explains."""
    beginning = _beginning(path)
    try:
        if is_zarr(path) or path.suffix.lower() == ".npy":
            with open_strips(path) as strips:
                return strips.width, strips.height
        if beginning.startswith(SIGNATURE):
            with path.open("rb") as file:
                header = read_header(file)
            return header.width, header.height
        with open_tiff(path) if beginning.startswith(TIFF_SIGNATURES) else open_picture(path) as opened:
            return opened.size
    except Exception:  # whatever a damaged file makes of its reader
        return None


def _tiff(path: Path) -> Strips:
    try:
        return TiffStrips(path)
    except (UserError, NotInStrips):
        raise
    except Exception:  # a header that makes no sense: said better by who decodes all
        return WholePicture(path)


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(8)
    except OSError:  # said by who opens it next
        return b""
