"""Checks of what a `Translator` is called with, before any cast could wrap or hide a value."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.labels import UNKNOWN
from asap_lightning.errors import UserError


def class_ids(array: NDArray, spec: ConditionSpec) -> NDArray[np.int32]:
    """A label map (H, W) of any integer type as the model's ids.

    ``UNKNOWN`` becomes the last channel where the model has an unknown class and the id is no class.

    Raises:
        UserError: not (H, W) of integers, or ids outside the classes.
    """
    if array.ndim != 2 or array.dtype.kind not in "iu" or not array.size:
        raise UserError(f"a label map is (H, W) of integers, got shape {array.shape} of {array.dtype}")
    known = (array >= 0) & (array < spec.label_channels)
    unknown = (array == UNKNOWN) & ~known if spec.has_unknown else np.zeros_like(known)
    wrong = ~(known | unknown)
    if wrong.any():
        raise UserError(
            f"label ids {np.unique(array[wrong])[:8].tolist()} are outside the model's classes "
            f"0..{spec.label_channels - 1}"
        )
    ids = array.astype(np.int32)
    ids[unknown] = spec.num_classes
    return ids


def instance_ids(array: NDArray, size: tuple[int, ...]) -> NDArray[np.int32]:
    """An instance map of any integer type; ids beyond 32 bits get other numbers, as only who is who matters.

    Raises:
        UserError: not (H, W) of integers, or of another size than the label map.
    """
    check_instance_size(array, size)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise UserError(f"an instance map is (H, W) of integers, got shape {array.shape} of {array.dtype}")
    limits = np.iinfo(np.int32)
    if array.size and (int(array.min()) < limits.min or int(array.max()) > limits.max):
        array = np.unique(array, return_inverse=True)[1].reshape(array.shape)
    return array.astype(np.int32)


def check_instance_size(array: NDArray, size: tuple[int, ...]) -> None:
    """A `UserError` unless an instance map is as large as its label map."""
    if array.shape[:2] != size:
        raise UserError(f"the instance map is {array.shape[:2]}, the label map {size}")


def picture(array: NDArray, spec: ConditionSpec) -> Tensor:
    """A continuous condition as planes (C, H, W) in [-1, 1].

    Raises:
        UserError: another shape, a type whose range is not known, or values outside [-1, 1].
    """
    planes = array[..., None] if array.ndim == 2 else array
    if planes.ndim != 3 or planes.shape[-1] != spec.channels or not planes.size:
        raise UserError(
            f"this model translates {spec.kind}s of {spec.channels} channels, got shape {array.shape}"
        )
    if spec.kind == "image" and array.dtype == np.uint8:
        return _channels_first(planes) / 127.5 - 1
    if array.dtype.kind != "f":
        kinds = "uint8 or floats in [-1, 1]" if spec.kind == "image" else "floats in [-1, 1]"
        raise UserError(
            f"this model translates {spec.kind}s of {kinds}, got {array.dtype}, whose range is not known: "
            "scale the values ('asap predict' does it for files)"
        )
    low, high = float(planes.min()), float(planes.max())
    if not -1 <= low <= high <= 1:
        raise UserError(
            f"this model translates {spec.kind}s of floats in [-1, 1], got values from {low:g} to {high:g}: "
            "scale them (levels from 0 to 255: x / 127.5 - 1), or clip what is beyond"
        )
    return _channels_first(planes)


def planes_of(tensor: Tensor, spec: ConditionSpec) -> Tensor:
    """A batch of continuous conditions (B, C, H, W) in [-1, 1], as float32.

    Raises:
        UserError: another shape, integers, or values outside [-1, 1].
    """
    if tensor.ndim != 4 or tensor.shape[1] != spec.channels or not tensor.numel():
        raise UserError(
            f"a batch of {spec.kind}s is (B, {spec.channels}, H, W) for this model, got {tuple(tensor.shape)}"
        )
    if not tensor.is_floating_point() or not bool(((tensor >= -1) & (tensor <= 1)).all()):
        raise UserError(f"a batch of {spec.kind}s is floats in [-1, 1], got {_range_of(tensor)}")
    return tensor.float()


def check_guide(guide: NDArray) -> None:
    """A `UserError` unless this is a photo, (H, W, 3) uint8."""
    if guide.ndim != 3 or guide.shape[-1] != 3 or guide.dtype != np.uint8 or not guide.size:
        raise UserError(f"a guide is (H, W, 3) uint8, got shape {guide.shape} of {guide.dtype}")


def check_canvas(canvas: NDArray, size: tuple[int, int]) -> None:
    """A `UserError` unless this is a canvas, (H, W, 4) uint8, of its condition's size."""
    if canvas.shape != (*size, 4) or canvas.dtype != np.uint8:
        raise UserError(
            f"a canvas is uint8 of its condition's size, here {(*size, 4)} (RGB, then 255 where there is a "
            f"piece), got shape {canvas.shape} of {canvas.dtype}"
        )


def _channels_first(planes: NDArray) -> Tensor:
    return torch.from_numpy(np.array(planes.transpose(2, 0, 1), np.float32, order="C"))


def _range_of(tensor: Tensor) -> str:
    kind = str(tensor.dtype).removeprefix("torch.")
    return f"{kind} from {tensor.min().item():g} to {tensor.max().item():g}"
