"""Condition files: how each is read, as the training read its own."""

from __future__ import annotations

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
from asap_lightning.errors import UserError
from asap_lightning.inference.halves import Half, cutter

Reader = Callable[[Path], NDArray]


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

    decode: Callable[[Image.Image, Path], NDArray]
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

    if spec.kind == "label":
        labels = made.labels if isinstance(made, LabelLayout) else _plain_format(spec)
        labels = replace(labels, keys="labels")
        if palette is not None or label_values is not None:
            labels = replace(labels, palette=palette, palette_tolerance=0.0, values=label_values)
        if palette_tolerance is not None:
            labels = replace(labels, palette_tolerance=palette_tolerance)

        def decode(image: Image.Image, path: Path) -> NDArray:
            return label_array(cut(image, path), path, labels)[0]
    else:
        to_array = photo_array if spec.channels == 3 else grey_array

        def decode(image: Image.Image, path: Path) -> NDArray:
            return to_array(cut(image, path), path)

    return ConditionFormat(decode, lambda path: decode(open_image(path), path))


def _depth_format(made: Layout | None) -> ConditionFormat:
    unit, nearest, farthest = (
        (made.depth_unit, made.nearest, made.farthest)
        if isinstance(made, AnyConditionLayout)
        else (0.001, 0.0, 10.0)
    )
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
