"""Which files are pictures: what Pillow reads here of the formats that hold one raster image."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.util import find_spec

from PIL import Image, ImageFile, TiffImagePlugin

from asap_lightning.data.source import Source, open_source

RASTERS = (
    *("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "MPO"),
    *("JPEG2000", "AVIF", "HEIF", "TGA", "DIB", "PCX", "SGI", "SUN", "QOI"),
)
"""Pillow's names of the formats that are read, the usual ones first.

Left out are those that run programs (EPS, WMF), need drivers of their own (GRIB, HDF5), hold films, icons of
many sizes or layered documents.
"""
HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
FILMS = frozenset({".avifs"})
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF and BigTIFF files begin, in either byte order."""


@cache
def image_formats() -> tuple[str, ...]:
    """Those of `RASTERS` that can be read here.

    A picture is recognised by its content, so these bound what any file may be, whatever its name.
    """
    if find_spec("pillow_heif") is not None:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.init()
    return tuple(name for name in RASTERS if name in Image.OPEN)


def open_picture(source: Source) -> ImageFile.ImageFile:
    """Reads a file's header and no pixels, of these formats alone.

    Large pictures are welcome, so without Pillow's warning about them; how large is for those who decode.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(open_source(source), formats=image_formats())


def open_tiff(source: Source) -> TiffImagePlugin.TiffImageFile:
    """As `open_picture` for TIFF files, of any size: for those who decode parts of it."""
    return TiffImagePlugin.TiffImageFile(open_source(source))


@cache
def image_suffixes() -> frozenset[str]:
    """Suffixes of the files that are taken for pictures, in lower case with the dot."""
    formats = {*image_formats(), "MPO"}  # which is opened as JPEG
    return frozenset(suffix for suffix, name in Image.EXTENSION.items() if name in formats) - FILMS


@cache
def depth_suffixes() -> frozenset[str]:
    """Suffixes of the files that are taken for depth maps."""
    return image_suffixes() | {".npy"}


def why_ignored(suffixes: frozenset[str]) -> str:
    """What would make files of these suffixes readable; empty where nothing is known."""
    if suffixes & HEIF_SUFFIXES - image_suffixes():
        return "HEIC files are read after: pip install pillow-heif"
    return ""
