"""From a path to its strips, whatever the file is."""

from __future__ import annotations

from pathlib import Path

from PIL import ExifTags, Image, ImageFile

from asap_lightning.data.formats import open_picture
from asap_lightning.data.reading import MAX_PIXELS
from asap_lightning.data.strips.arrays import is_zarr, open_npy, open_zarr
from asap_lightning.data.strips.png import PngStrips
from asap_lightning.data.strips.strips import Strips
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
    try:
        opened = open_picture(path)
    except Exception:  # said better, and for every kind of trouble, by who decodes
        return WholePicture(path)
    with opened:
        reason = _why_whole(opened)
        if not reason:
            try:
                if opened.format == "PNG":
                    return PngStrips(path)
                return TiffStrips(path, opened)
            except ValueError as error:
                reason = {
                    "interlaced": "its rows are interlaced",
                    "planes": "its channels lie apart",
                }[str(error)]
        if opened.width * opened.height > MAX_PIXELS:
            raise UserError(
                f"{path} has {opened.width} x {opened.height} pixels, and {reason}: so it can only be read "
                f"whole, which is done up to {MAX_PIXELS:,} pixels. Save it anew as an upright PNG without "
                "interlacing or as a tiled TIFF"
            )
    return WholePicture(path)


def stored_size(path: Path) -> tuple[int, int] | None:
    """Width and height as the file says; None where nothing can be said, which reading explains."""
    try:
        if is_zarr(path) or path.suffix.lower() == ".npy":
            strips = open_strips(path)
            strips.close()
            return strips.width, strips.height
        with open_picture(path) as opened:
            return opened.size
    except Exception:  # whatever a damaged file makes of its reader
        return None


def _why_whole(opened: ImageFile.ImageFile) -> str:
    if opened.format not in ("PNG", "TIFF"):
        return f"it is a {opened.format} file, which has no strips"
    # Image's own method: that of PNG files would decode all pixels in search of a late chunk
    if Image.Image.getexif(opened).get(ExifTags.Base.Orientation, 1) != 1:
        return "it says that it is to be turned"
    return ""

