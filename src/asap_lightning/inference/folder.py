"""Folders of condition files: which are translated, how each is read, where its image goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.building import build
from asap_lightning.condition import ConditionSpec
from asap_lightning.data.formats import depth_suffixes, image_suffixes
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.layouts import AnyConditionLayout, LabelLayout, Shards
from asap_lightning.data.reading import (
    read_depth,
    read_grey,
    read_instance,
    read_label,
    read_photo,
    scale_depth,
)
from asap_lightning.errors import UserError

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


def find_jobs(
    source: Path, output: Path, *, spec: ConditionSpec, pattern: str = "**/*", instances: Path | None = None
) -> tuple[list[Job], list[Path]]:
    """The files of a folder (or the one file ``source``), and the files that are no images.

    Names and sub-folders are kept: ``source/a/b.png`` becomes ``output/a/b.png``.

    Args:
        source: a folder or a file.
        output: the folder that receives the images.
        spec: what the model translates.
        pattern: which files, as a glob relative to ``source``.
        instances: a folder with an instance map of the same relative name for every file.

    Raises:
        UserError: nothing to translate, two files with one target, missing instance maps.
    """
    if not source.exists():
        raise UserError(f"input={source}: there is no such file or folder")
    root = source if source.is_dir() else source.parent
    found = sorted(path for path in source.glob(pattern) if path.is_file()) if source.is_dir() else [source]
    visible = [
        path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    suffixes = depth_suffixes() if spec.kind == "depth" else image_suffixes()
    images = [path for path in visible if path.suffix.lower() in suffixes]
    others = [path for path in visible if path.suffix.lower() not in suffixes]
    if not images:
        what = f"{len(others)} files, none of them an image" if others else "no files"
        raise UserError(
            f"input={source} (pattern={pattern}) holds {what}; a {spec.kind} file for each image was expected"
        )
    jobs = [
        Job(
            path,
            _instance_of(path, root, instances) if spec.instance_edges else None,
            _target(path, root, output),
        )
        for path in images
    ]
    _require_distinct(jobs)
    return jobs, others


def _target(path: Path, root: Path, output: Path) -> Path:
    return (output / path.relative_to(root)).with_suffix(".png")


def _require_distinct(jobs: Iterable[Job]) -> None:
    seen: dict[Path, Path] = {}
    for job in jobs:
        if job.target.resolve() == job.source.resolve():
            raise UserError(
                f"{job.source} would be overwritten by its translation: choose another output folder"
            )
        if job.target in seen:
            raise UserError(
                f"{seen[job.target]} and {job.source} would both be written to {job.target}: rename one, "
                "or choose files with pattern=..."
            )
        seen[job.target] = job.source


def _instance_of(path: Path, root: Path, instances: Path | None) -> Path:
    """The instance map of a label map: the same name under ``instances``, or Cityscapes' name beside it."""
    if instances is None:
        beside = path.with_name(path.name.replace("labelIds", "instanceIds"))
        if beside != path and beside.is_file():
            return beside
        raise UserError(
            f"this model uses instance edges, but {path} has no instance map: give the folder that holds "
            "one of the same name for every label map, instances=FOLDER"
        )
    relative = path.relative_to(root)
    named = relative.with_name(relative.name.replace("labelIds", "instanceIds"))
    for candidate in (instances / relative, instances / named, (instances / relative).with_suffix(".png")):
        if candidate.is_file():
            return candidate
    raise UserError(f"{path} has no instance map: {instances / relative} was expected")


def condition_reader(
    spec: ConditionSpec,
    layout: Mapping[str, Any] | None = None,
    *,
    palette: Sequence[Sequence[int]] | None = None,
    palette_tolerance: float | None = None,
    label_values: Mapping[int, int] | None = None,
) -> Reader:
    """How the model's condition files are read, so that ids and units mean what they meant in training.

    Args:
        spec: what the model translates.
        layout: ``data.layout`` of the training (``{_target_: ..}``); None reads by ``spec`` alone.
        palette, palette_tolerance, label_values: as in `LabelFormat`, where these label maps differ from the
            training's. What is given replaces what the training had: another palette is exact unless it
            comes with a tolerance.

    Returns:
        A function from a path to class ids (H, W), a uint8 picture (H, W, C), or depths (H, W) in [-1, 1].
    """
    made = _training_layout(layout)
    if spec.kind == "label":
        labels = made.labels if isinstance(made, LabelLayout) else _plain_format(spec)
        labels = replace(labels, keys="labels")
        if palette is not None or label_values is not None:
            labels = replace(labels, palette=palette, palette_tolerance=0.0, values=label_values)
        if palette_tolerance is not None:
            labels = replace(labels, palette_tolerance=palette_tolerance)
        return lambda path: read_label(path, labels)
    if spec.kind == "image":
        return read_photo if spec.channels == 3 else read_grey
    unit, nearest, farthest = (
        (made.depth_unit, made.nearest, made.farthest)
        if isinstance(made, AnyConditionLayout)
        else (0.001, 0.0, 10.0)
    )
    return lambda path: scale_depth(read_depth(path, unit), nearest, farthest)


def _plain_format(spec: ConditionSpec) -> LabelFormat:
    return LabelFormat(spec.num_classes, spec.has_unknown, class_names=spec.class_names)


def _training_layout(layout: Mapping[str, Any] | None) -> Any:
    if not layout:
        return None
    node = {key: value for key, value in layout.items() if key != "_partial_"}
    made = build({**node, "root": "."})
    return made.original if isinstance(made, Shards) else made


def read_instances(job: Job) -> NDArray[np.int32] | None:
    """The instance map of a job, if it has one."""
    return read_instance(job.instance) if job.instance is not None else None
