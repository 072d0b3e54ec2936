"""A pair as the members of a shard: files as they are, or arrays that decode fast; and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.npy import read_npy
from asap_lightning.data.reading import open_image, photo_array, read_instance
from asap_lightning.data.resizing import resize
from asap_lightning.data.sample import Sample
from asap_lightning.data.source import Source, StoredFile
from asap_lightning.data.transforms import Geometry
from asap_lightning.errors import UserError

if TYPE_CHECKING:
    from asap_lightning.data.layout import Item, Layout

Members = dict[str, bytes]
PhotoFormat = Literal["ppm", "png", "jpeg"]
SUFFIXES = {"jpeg": "jpg"}


@dataclass(frozen=True)
class Encoding:
    """What is done to a pair on its way into a shard.

    Attributes:
        arrays: False stores the files as they are. True stores decoded class ids, depths, .. as PNG and
            NumPy files, which need no further interpretation; the file of a photo stays as it is unless
            it is resized.
        resize: the sizes of training and of evaluation, to be gone to before a crop; None keeps sizes.
        photo_format: of resized photos: ``ppm`` (not compressed, decoded in a tenth of PNG's time), ``png``,
            or ``jpeg``, which alone loses something; None is ``ppm``. Condition pictures never lose anything.
        photo_quality: of JPEG.
        check: whether pairs are read as training would, so that no bad file gets into a shard.
    """

    arrays: bool = False
    resize: tuple[Geometry, Geometry] | None = None
    photo_format: PhotoFormat | None = None
    photo_quality: int = 95
    check: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.photo_quality <= 100:
            raise UserError(f"--photo-quality {self.photo_quality}: a number from 1 to 100 was expected")
        if self.photo_format is not None and self.resize is None:
            raise UserError("--photo-format is for resized photos (--resize); others are stored as they are")

    def picture(self, name: str) -> tuple[str, dict[str, Any]]:
        """Format of an array ``photo`` or ``image``, and what Pillow is told about it."""
        if self.photo_format == "jpeg" and name == "photo":
            return "jpeg", {"quality": self.photo_quality, "subsampling": "4:4:4"}
        return ("png" if self.photo_format in ("png", "jpeg") else "ppm"), {}


def files_of(layout: Layout, item: Item) -> dict[str, Path]:
    """The files of a pair by their role: ``label``, ``image``, ``depth``; ``instance``; ``photo``.

    A file that is both condition and photo has the role `Layout.joint_role`.
    """
    kind = layout.spec.kind
    if item.photo == item.condition:
        files: dict[str, Source | None] = {layout.joint_role: item.condition}
    else:
        files = {kind: item.condition, "instance": item.instance, "photo": item.photo}
    return {role: path for role, path in files.items() if isinstance(path, Path)}


def encode(layout: Layout, item: Item, encoding: Encoding, *, training: bool) -> Members:
    """The members of a pair, by what follows the key: ``label.png`` -> bytes.

    Raises:
        UserError: a file that cannot be used.
    """
    arrays = encoding.arrays or layout.stores_arrays
    sample = layout.read(item) if arrays or encoding.check else None
    if not arrays or sample is None:
        return {role + path.suffix.lower(): _read(path) for role, path in files_of(layout, item).items()}
    if encoding.resize is not None:
        height, width = encoding.resize[0 if training else 1].resized(*sample.size)
        sample = sample.map(lambda name, array: resize(name, array, height, width))
    members = dict(
        _encode_array(name, array, encoding) for name, array in sample.arrays.items() if name != "photo"
    )
    if sample.photo is not None:
        kept = files_of(layout, item).get("photo") if encoding.resize is None else None
        if kept is not None and not layout.stores_arrays:
            members["photo" + kept.suffix.lower()] = _read(kept)
        else:
            members |= dict([_encode_array("photo", sample.photo, encoding)])
    return members


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def _encode_array(name: str, array: NDArray, encoding: Encoding) -> tuple[str, bytes]:
    """One array of a `Sample`, without loss unless it is a photo as JPEG."""
    file = BytesIO()
    if name == "depth" or (name == "image" and array.shape[2] not in (1, 3)):
        np.save(file, array, allow_pickle=False)
        return f"{name}.npy", file.getvalue()
    if name in ("label", "instance"):
        array = _narrow(array)
        if array.dtype == np.int32:
            np.save(file, array, allow_pickle=False)
            return f"{name}.npy", file.getvalue()
        Image.fromarray(array).save(file, "PNG")
        return f"{name}.png", file.getvalue()
    grey = array.shape[2] == 1
    kind, how = encoding.picture(name)
    Image.fromarray(array[..., 0] if grey else array).save(file, kind, **how)
    suffix = "pgm" if grey and kind == "ppm" else SUFFIXES.get(kind, kind)
    return f"{name}.{suffix}", file.getvalue()


def _narrow(ids: NDArray) -> NDArray:
    """Ids in the smallest of 8, 16 and 32 bits."""
    low, high = (int(ids.min()), int(ids.max())) if ids.size else (0, 0)
    if low < 0 or high > 65535:
        return ids.astype(np.int32)
    return ids.astype(np.uint8 if high < 256 else np.uint16)


def decode(name: str, files: Mapping[str, StoredFile], spec: ConditionSpec) -> Sample:
    """The inverse of `encode` for arrays.

    Args:
        name: of the pair.
        files: members by their role.
        spec: what the conditions are.

    Raises:
        UserError: a member cannot be decoded.
    """
    arrays: dict[str, Any] = {}
    for role, file in files.items():
        if file.suffix == ".npy":
            arrays[role] = read_npy(file)
        elif role == "instance":
            arrays[role] = read_instance(file)
        elif role == "photo":
            arrays[role] = photo_array(open_image(file), file)
        else:
            arrays[role] = np.asarray(open_image(file))
    if "label" in arrays:
        arrays["label"] = _class_ids(arrays["label"], files["label"], spec)
    if "image" in arrays and arrays["image"].ndim == 2:
        arrays["image"] = arrays["image"][..., None]
    return Sample(name, **arrays, paths=dict(files)).require_equal_sizes()


def _class_ids(ids: NDArray, file: StoredFile, spec: ConditionSpec) -> NDArray:
    """Stored class ids in the type that labels have; looked at first, as a narrower type would wrap them."""
    if ids.dtype.kind not in "iu" or (ids.size and not 0 <= ids.min() <= ids.max() < spec.label_channels):
        raise UserError(
            f"{file} holds label values {ids.min()} to {ids.max()} ({ids.dtype}), where the class ids 0 to "
            f"{spec.label_channels - 1} were stored: the shard is not of this index. Make the shards again"
        )
    return ids.astype(np.uint8 if spec.label_channels <= 256 else np.int32, copy=False)
