"""Condition files: how each is read, as the training read its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.building import build
from asap_lightning.condition import ConditionSpec
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.layouts import AnyConditionLayout, LabelLayout, Layout, Shards
from asap_lightning.data.reading import (
    depth_array,
    grey_array,
    label_array,
    open_image,
    photo_array,
    read_depth,
    read_instance,
    scale_depth,
)
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError
from asap_lightning.inference.halves import Half, cutter

Reader = Callable[[Source], NDArray]
ImageReader = Callable[[Image.Image | str | os.PathLike[str]], NDArray]
GIVEN = "the picture"
"""What a picture from memory is called in messages."""


@dataclass(frozen=True)
class Job:
    """One file to translate.

    Attributes:
        source: the condition file.
        instance: its instance map, for models that use instance edges.
        target: the PNG file that is written.
    """

    source: Path
    instance: Path | None
    target: Path


@dataclass(frozen=True)
class ConditionFormat:
    """How the model's condition files are understood: as the training understood its own.

    Attributes:
        decode: an opened image (of some rows or of all) and its path -> class ids (H, W), a uint8 picture
            (H, W, C), or depths (H, W) in [-1, 1].
        read: the same of a path alone, decoded at once.
    """

    decode: Callable[[Image.Image, Source], NDArray]
    read: Reader


def condition_reader(spec: ConditionSpec, layout: Mapping[str, Any] | None = None, **options: Any) -> Reader:
    """What reads a condition file whole, see `condition_format`."""
    return condition_format(spec, layout, **options).read


def condition_format(
    spec: ConditionSpec,
    layout: Mapping[str, Any] | None = None,
    *,
    palette: Sequence[Sequence[int]] | None = None,
    palette_tolerance: float | None = None,
    label_values: Mapping[int, int] | None = None,
    half: Half | None = None,
    place: str = "the checkpoint",
) -> ConditionFormat:
    """How the model's condition files are read, so that ids and units mean what they meant in training.

    Args:
        spec: what the model translates.
        layout: ``data.layout`` of the training (``{_target_: ..}``); None reads by ``spec`` alone.
        palette, palette_tolerance, label_values: as in `LabelFormat`, where these label maps differ from the
            training's. What is given replaces what the training had: another palette is exact unless it
            comes with a tolerance.
        half: which half of each picture is the condition, see `cutter`.
        place: where ``layout`` was read, for messages.
    """
    made = training_layout(layout, place)
    cut = cutter(half, made) or (lambda image, path: image)
    if spec.kind == "depth":
        if half not in (None, "whole"):
            raise UserError(f"half={half}: depth maps are no pairs in one file; half=whole was expected")
        return _depth_format(made)
    labels = (
        label_format(spec, made, palette, palette_tolerance, label_values) if spec.kind == "label" else None
    )

    def decode(image: Image.Image, path: Source) -> NDArray:
        return _values(cut(image, path), path, spec, labels)

    return ConditionFormat(decode, lambda path: decode(open_image(path), path))


def image_reader(spec: ConditionSpec, layout: Mapping[str, Any] | None, place: str) -> ImageReader:
    """As `condition_reader`, for pictures in memory too; see there for arguments and results."""
    form = condition_format(spec, layout, place=place)

    def read(given: Image.Image | str | os.PathLike[str]) -> NDArray:
        if not isinstance(given, Image.Image):
            return form.read(Path(given).expanduser())
        if spec.kind == "depth":
            raise UserError("depths are given as an array of floats in [-1, 1], or as the path of a file")
        return form.decode(given, _name_of(given))

    return read


def _name_of(image: Image.Image) -> Path:
    """Its file, where it is of one: ids of a lossy file are refused."""
    return Path(getattr(image, "filename", "") or GIVEN)


def label_format(
    spec: ConditionSpec,
    layout: Layout | None,
    palette: Sequence[Sequence[int]] | None = None,
    palette_tolerance: float | None = None,
    label_values: Mapping[int, int] | None = None,
) -> LabelFormat:
    """How label maps of the training are read, but for what is given; see `condition_reader`."""
    labels = layout.labels if isinstance(layout, LabelLayout) else _plain_format(spec)
    labels = replace(labels, keys="labels")
    if palette is not None or label_values is not None:
        labels = replace(labels, palette=palette, palette_tolerance=0.0, values=label_values)
    if palette_tolerance is not None:
        labels = replace(labels, palette_tolerance=palette_tolerance)
    return labels


def _values(image: Image.Image, path: Source, spec: ConditionSpec, labels: LabelFormat | None) -> NDArray:
    """Class ids, or a picture as the model's channels."""
    if labels is not None:
        return label_array(image, path, labels)[0]
    return photo_array(image, path) if spec.channels == 3 else grey_array(image, path)


def depth_range(layout: Layout | None) -> tuple[float, float, float]:
    """Metres that the value 1 of a depth file stands for, and the depths that become -1 and 1."""
    if isinstance(layout, AnyConditionLayout):
        return layout.depth_unit, layout.nearest, layout.farthest
    return 0.001, 0.0, 10.0


def _depth_format(layout: Layout | None) -> ConditionFormat:
    unit, nearest, farthest = depth_range(layout)
    return ConditionFormat(
        lambda image, path: scale_depth(depth_array(image, path, unit), nearest, farthest),
        lambda path: scale_depth(read_depth(path, unit), nearest, farthest),
    )


def _plain_format(spec: ConditionSpec) -> LabelFormat:
    return LabelFormat(spec.num_classes, spec.has_unknown, class_names=spec.class_names)


def training_layout(layout: Mapping[str, Any] | None, place: str = "the checkpoint") -> Layout | None:
    """The layout that ``data.layout`` of a training describes; of shards the one they were made from."""
    if not layout:
        return None
    made: Layout = build(layout, "layout", f"{place}: data.layout", root=".")
    return made.original if isinstance(made, Shards) else made


def read_instances(job: Job) -> NDArray[np.int32] | None:
    """The instance map of a job, if it has one."""
    return read_instance(job.instance) if job.instance is not None else None
