"""The files of evaluations read back: ``metrics.json``, which may be anybody's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.untrusted import read_json

METRICS_JSON = "metrics.json"
MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class ScoredModel:
    """What an evaluation has found of a model.

    Attributes:
        name: what the model is called in tables.
        path: the file.
        images: how many were measured.
        scores: of the set, by metric; None where there is no score.
        per_image: name of an image -> its scores by metric.
        data: what was measured on: split, size, mode, ..
        evaluation: how: the settings of the evaluation.
        segmenter: the settings of what labelled the images; ``kind`` is ``none`` where nothing did.
        checkpoint: the model's file; None if it is not known or gone.
        pictures: the folder of pictures that were measured in place of a model's; None likewise.
        photos: the folder of photos that they were measured against; None if those are a data set's.
    """

    name: str
    path: Path
    images: int
    scores: Mapping[str, float | None]
    per_image: Mapping[str, Mapping[str, float | None]]
    data: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    segmenter: Mapping[str, Any]
    checkpoint: Path | None
    pictures: Path | None = None
    photos: Path | None = None


def is_evaluation(path: Path) -> bool:
    """Whether a path is a folder of ``asap evaluate``, or its ``metrics.json``."""
    return path.name == METRICS_JSON or (path / METRICS_JSON).is_file()


def read_scores(path: Path, name: str | None = None) -> ScoredModel:
    """The scores in a folder of ``asap evaluate``, or in its ``metrics.json``.

    Raises:
        UserError: missing, damaged, or without an image.
    """
    path = path / METRICS_JSON if path.is_dir() else path
    try:
        content = read_json(path, most=MOST_BYTES)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): the folder of asap evaluate was expected"
        ) from error
    try:
        return _scored(content, path, name or path.parent.resolve().name)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} is not what asap evaluate writes ({type(error).__name__}: {error}): measure the "
            "model again"
        ) from error


def _scored(content: Any, path: Path, name: str) -> ScoredModel:
    about = content["about"]
    per_image = {str(image): _numbers(scores) for image, scores in content["per_image"].items()}
    if not per_image or content["images"] != len(per_image):
        raise ValueError(f"{content['images']} images, scores of {len(per_image)}")
    checkpoint = _path(about.get("checkpoint"))
    pictures, photos = _path(about.get("pictures", about.get("fake"))), _path(about.get("real"))
    return ScoredModel(
        name=name,
        path=path,
        images=len(per_image),
        scores=_numbers(content["metrics"]),
        per_image=per_image,
        data=dict(about.get("data") or {}),
        evaluation=dict(about.get("evaluation") or {}),
        segmenter=dict(about.get("segmenter") or {"kind": "none"}),
        checkpoint=checkpoint if checkpoint is not None and checkpoint.is_file() else None,
        pictures=pictures if pictures is not None and pictures.is_dir() else None,
        photos=photos if photos is not None and photos.is_dir() else None,
    )


def _path(stored: Any) -> Path | None:
    return Path(stored) if isinstance(stored, str) else None


def _numbers(scores: Mapping[str, Any]) -> dict[str, float | None]:
    numbers: dict[str, float | None] = {}
    for key, value in scores.items():
        if value is not None and (type(value) not in (int, float) or not math.isfinite(value)):
            raise ValueError(f"{key} is {value!r}, and a finite number or null was expected")
        numbers[str(key)] = value if value is None else float(value)
    return numbers
