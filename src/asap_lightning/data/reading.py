"""Reading image files of every kind that data sets hold; every failure names the file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from asap_lightning.data.formats import open_picture
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.lossy import require_lossless
from asap_lightning.data.npy import read_npy
from asap_lightning.data.source import Source, size_of
from asap_lightning.errors import UserError

INTEGER_MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L", "I;16N")

MAX_PIXELS = 2 * 89_478_485
"""Pixels of one picture: where Pillow draws its line (about 13,000 x 13,000)."""


def open_image(path: Source) -> Image.Image:
    """Decodes a file completely and turns it as its EXIF orientation says, as every viewer does.

    That holds for every kind of file, so that what looks aligned is aligned. Of several frames or pages the
    first is taken.

    Raises:
        UserError: the file is missing, may not be read, is empty, not an image, truncated or damaged.
    """
    try:
        if size_of(path) == 0:
            raise UserError(f"{path} is empty (0 bytes): copy or download the file again")
        with open_picture(path) as file:
            if file.width * file.height > MAX_PIXELS:
                raise UserError(_too_large(path, f"it has {file.width} x {file.height} pixels"))
            file.load()
            orientation = file.getexif().get(ExifTags.Base.Orientation, 1)
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{path}: {_absence(path)}") from error
    except UnidentifiedImageError as error:
        raise UserError(
            f"{path} is not an image that can be read: its content is not PNG, JPEG or another known "
            "format, whatever its name says"
        ) from error
    except Image.DecompressionBombError as error:
        raise UserError(_too_large(path, str(error).split(",")[0])) from error
    except MemoryError as error:
        raise UserError(f"{path} does not fit into memory") from error
    except Exception as error:  # whatever Pillow's many decoders meet in a damaged file
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not a decoder's
            raise UserError(f"{path} cannot be read: {error.strerror}") from error
        raise UserError(
            f"{path} cannot be decoded, it is truncated or damaged ({error}): copy or download it again"
        ) from error
    return file if orientation == 1 else ImageOps.exif_transpose(file)


def _too_large(path: Source, found: str) -> str:
    return (
        f"{path} is too large to be a picture of a data set ({found}; at most {MAX_PIXELS:,} are read): a "
        "few bytes can unfold to any size. Make it smaller, or cut it into parts"
    )


def _absence(path: Source) -> str:
    if isinstance(path, Path) and path.is_symlink():
        return f"the link leads to {os.readlink(path)}, which is not there"
    return "there is no such file"


def read_photo(path: Source) -> NDArray[np.uint8]:
    """A photo as (H, W, 3) uint8.

    Grey, palette, CMYK and 16-bit files are converted; an alpha channel is dropped, as the authors'
    programs do.
    """
    return photo_array(open_image(path), path)


def photo_array(image: Image.Image, path: Source) -> NDArray[np.uint8]:
    """As `read_photo`, for an image that is already open."""
    if image.mode == "RGB":
        return np.asarray(image)
    if image.mode.startswith("I"):
        return np.repeat(_grey_8bit(np.asarray(image), path)[..., None], 3, axis=2)
    if image.mode == "F":
        raise UserError(f"{path} holds floating-point values, as depth maps do; a photo must be 8- or 16-bit")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB"))


def read_grey(path: Source) -> NDArray[np.uint8]:
    """A picture as one grey channel (H, W, 1) uint8; colours by ITU-R 601 luma."""
    return grey_array(open_image(path), path)


def grey_array(image: Image.Image, path: Source) -> NDArray[np.uint8]:
    """As `read_grey`, for an image that is already open."""
    if image.mode == "L":
        return np.asarray(image)[..., None]
    return grey_levels(photo_array(image, path))


def grey_levels(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo (H, W, 3) as one grey channel (H, W, 1); ITU-R 601 luma."""
    return np.asarray(Image.fromarray(photo).convert("L"))[..., None]


def _grey_8bit(values: NDArray, path: Source) -> NDArray[np.uint8]:
    """Grey values of 16 or 32 bits as 8 bits: the full range 0..65535 becomes 0..255."""
    if values.size and (values.max() > 65535 or values.min() < 0):
        raise UserError(
            f"{path} holds values from {values.min()} to {values.max()}; a photo must be 8- or 16-bit"
        )
    return np.round(values.astype(np.float32) / 257.0).astype(np.uint8)


def read_label(path: Source, labels: LabelFormat) -> NDArray:
    """A label map as class ids (H, W), uint8 or int32, validated.

    With a palette the file's colours count, of palette and grey files too. Without one, palette files give
    their indices, and RGB and RGBA files are accepted if their channels are equal (a grey picture saved as
    RGB).

    Raises:
        UserError: ids outside the classes, colours outside the palette, ids in a lossy format, or a picture
            where a label map is meant.
    """
    return label_array(open_image(path), path, labels)[0]


def label_array(image: Image.Image, path: Source, labels: LabelFormat) -> tuple[NDArray, int | None]:
    """As `read_label`, for an image that is already open.

    Returns:
        The ids, and how many pixels are 'unknown' because their colour is not in the palette; None without a
        palette.
    """
    if labels.palette is not None:
        return labels.from_colours(label_colours(image, path, labels.keys), path)
    require_lossless(
        path,
        "label map",
        f"; or give the classes as colours, {labels.keys}.palette=[[r,g,b],...] and "
        f"{labels.keys}.palette_tolerance=N: each pixel gets the nearest colour within N "
        "('asap data palette' proposes both)",
    )
    return labels.from_ids(stored_ids(image, path, labels.keys), path), None


def label_colours(image: Image.Image, path: Source, keys: str = "data.layout") -> NDArray[np.uint8]:
    """The colours (H, W, 3) uint8 of a label map whose colours stand for classes; alpha is dropped.

    Raises:
        UserError: values of 16 bits or more, or floating-point ones.
    """
    if image.mode.startswith("I") or image.mode == "F":
        kind = "floating-point" if image.mode == "F" else "16- or 32-bit"
        raise UserError(
            f"{path} holds {kind} values ({image.mode}), which are no colours: {keys}.palette is for files "
            "of 8 bits a channel. For files of class ids leave it out"
        )
    return photo_array(image, path)


def stored_ids(image: Image.Image, path: Source, keys: str = "data.layout") -> NDArray:
    """The integers that a label or instance file stores (H, W)."""
    if image.mode in INTEGER_MODES:
        ids = np.asarray(image)
        return ids.astype(np.uint8) if ids.dtype == np.bool_ else ids
    if image.mode in ("LA", "La", "PA"):
        return np.asarray(image)[..., 0]
    if image.mode == "F":
        raise UserError(f"{path} holds floating-point values; a label map holds integer class ids")
    colours = np.asarray(image.convert("RGB"))
    if (colours[..., 0] == colours[..., 1]).all() and (colours[..., 1] == colours[..., 2]).all():
        return np.ascontiguousarray(colours[..., 0])
    raise UserError(
        f"{path} is a colour picture ({image.mode}) where a label map is meant: one channel with a class id "
        "a pixel was expected. If it is the photo, labels and photos are swapped; if its colours "
        f"stand for classes, say which: {keys}.palette=[[r,g,b],...] in the order of the classes, for JPEG "
        f"files with {keys}.palette_tolerance=N ('asap data palette' proposes both)"
    )


def read_instance(path: Source) -> NDArray[np.int32]:
    """An instance map (H, W) int32 from 8-, 16- or 32-bit integers.

    A colour picture is taken as one id a colour: only the borders between ids matter.

    Raises:
        UserError: a lossy format, which would make borders where there are none.
    """
    return instance_array(open_image(path), path)


def instance_array(image: Image.Image, path: Source) -> NDArray[np.int32]:
    """As `read_instance`, for an image that is already open."""
    require_lossless(path, "instance map", "")
    if image.mode in ("RGB", "RGBA", "CMYK", "YCbCr"):
        colours = np.asarray(image.convert("RGB")).astype(np.int32)
        return (colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2]
    return stored_ids(image, path).astype(np.int32)


def read_depth(path: Source, unit: float) -> NDArray[np.float32]:
    """A depth map in metres (H, W) float32.

    Args:
        path: a 16-bit PNG, a floating-point TIFF, or a ``.npy`` array.
        unit: metres that the value 1 of the file stands for (0.001 for millimetres).
    """
    if path.suffix.lower() == ".npy":
        return _metres(read_npy(path), path, unit)
    return depth_array(open_image(path), path, unit)


def depth_array(image: Image.Image, path: Source, unit: float) -> NDArray[np.float32]:
    """As `read_depth`, for an image that is already open."""
    if image.mode not in (*INTEGER_MODES, "F"):
        raise UserError(
            f"{path} is a colour picture ({image.mode}) where a depth map is meant: "
            "a 16-bit PNG, a floating-point TIFF or a .npy file was expected"
        )
    return _metres(np.asarray(image), path, unit)


def _metres(values: NDArray, path: Source, unit: float) -> NDArray[np.float32]:
    if values.ndim != 2:
        raise UserError(f"{path} has the shape {values.shape}; a depth map has height and width only")
    depth = values.astype(np.float32) * np.float32(unit)
    if not np.isfinite(depth).all():
        raise UserError(
            f"{path} holds {np.count_nonzero(~np.isfinite(depth))} depths that are NaN or infinite"
        )
    return depth


def scale_depth(depth: NDArray[np.float32], nearest: float, farthest: float) -> NDArray[np.float32]:
    """Depth in [-1, 1]: ``2 * clip((depth - nearest) / (farthest - nearest), 0, 1) - 1``."""
    if farthest <= nearest:
        raise UserError(
            f"data.layout.farthest={farthest}: more than data.layout.nearest={nearest} was expected"
        )
    share = np.clip((depth - np.float32(nearest)) / np.float32(farthest - nearest), 0.0, 1.0)
    return (share * 2.0 - 1.0).astype(np.float32)
