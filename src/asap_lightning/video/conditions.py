"""Decoded frames as conditions of a model: class ids, pictures, depths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.reading import grey_levels, scale_depth
from asap_lightning.data.source import StoredFile
from asap_lightning.errors import UserError
from asap_lightning.inference.conditions import depth_range, label_format, training_layout
from asap_lightning.inference.folder import LabelOptions

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

ToCondition = Callable[["VideoFrame", str, str], NDArray]
"""From a frame, FFmpeg's name of its codec, and its place in words."""
HD = 720
"""Rows from which on a video that does not say how its colours are coded follows BT.709, as players
assume."""
_UNSPECIFIED = 2


def frame_reader(
    spec: ConditionSpec, layout: Mapping[str, Any] | None, labels: LabelOptions, place: str
) -> ToCondition:
    """How frames of a video become conditions of a model; the counterpart of `condition_reader` for files.

    Args:
        spec: what the model translates.
        layout: ``data.layout`` of the training; None reads by ``spec`` alone.
        labels: how label maps are read where they differ from the training's.
        place: where ``layout`` was read, for messages.
    """
    made = training_layout(layout, place)
    if spec.kind == "label":
        form = label_format(spec, made, **vars(labels))
        if form.palette is not None:
            return lambda frame, codec, where: form.from_colours(colours(frame), StoredFile(where, b""))[0]
        return lambda frame, codec, where: _class_ids(frame, codec, where, form)
    if spec.kind == "image":
        if spec.channels == 3:
            return lambda frame, codec, where: colours(frame)
        return lambda frame, codec, where: grey_levels(colours(frame))
    unit, nearest, farthest = depth_range(made)
    return lambda frame, codec, where: scale_depth(_depths(frame, codec, where, unit), nearest, farthest)


def colours(frame: VideoFrame) -> NDArray[np.uint8]:
    """A frame as (H, W, 3) uint8, turned as it is shown."""
    says_nothing = frame.colorspace == _UNSPECIFIED and frame.format.is_rgb is False
    space = "ITU709" if says_nothing and frame.height >= HD else None
    return _turned(frame.reformat(format="rgb24", src_colorspace=space).to_ndarray(), frame)


def keeps_values(codec: str) -> bool:
    """Whether a codec never changes values; one that may or may not (H.264, VP9, AV1) is not trusted."""
    import av

    known = av.codec.Codec(codec, "r")
    return bool(known.lossless and not known.lossy) or codec == "rawvideo"


def _class_ids(frame: VideoFrame, codec: str, where: str, form: LabelFormat) -> NDArray:
    advice = (
        "give the colours of the classes, labels.palette=[[r,g,b],...] in the order of the classes and "
        "labels.palette_tolerance=N (each pixel gets the nearest colour within N), or label maps without "
        "loss: "
        "a folder of PNG files, or a grey FFV1 video (.mkv)"
    )
    if not keeps_values(codec):
        raise UserError(
            f"{where}: this model translates class ids, and {codec} changes pixel values, so that they "
            "cannot "
            f"be trusted as ids: {advice}"
        )
    return form.from_ids(_turned(_values(frame, where, advice), frame), StoredFile(where, b""))


def _depths(frame: VideoFrame, codec: str, where: str, unit: float) -> NDArray[np.float32]:
    advice = "give a folder of 16-bit PNG files, or a grey 16-bit FFV1 video (.mkv)"
    if not keeps_values(codec):
        raise UserError(f"{where}: this model translates depths, and {codec} changes values: {advice}")
    return _turned(_values(frame, where, advice), frame).astype(np.float32) * np.float32(unit)


def _values(frame: VideoFrame, where: str, advice: str) -> NDArray:
    """The integers that a frame stores (H, W)."""
    name = frame.format.name
    if name == "pal8":
        return frame.to_ndarray()[0]
    if name.startswith("gray"):
        return frame.to_ndarray()
    if frame.format.is_rgb:
        rgb = frame.to_ndarray(format="rgb24")
        if (rgb == rgb[..., :1]).all():
            return np.ascontiguousarray(rgb[..., 0])
    raise UserError(f"{where} holds colours ({name}), where one value a pixel was expected: {advice}")


def _turned(array: NDArray, frame: VideoFrame) -> NDArray:
    """As the file says it is to be shown: a telephone that was held upright films lying down."""
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(array, turns)) if turns else array
