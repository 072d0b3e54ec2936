"""What an evaluation measures: the data set, the metrics, and what figures depend on."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.configuration.data import make_evaluation_data
from asap_lightning.configuration.evaluation import lacking_of, make_suite
from asap_lightning.configuration.plain import configured_by, plain
from asap_lightning.configuration.segmenter import make_protocol
from asap_lightning.data import PairedData
from asap_lightning.data.layout import SPLITS, Split
from asap_lightning.errors import UserError
from asap_lightning.evaluation.training_data import training_data
from asap_lightning.inference import Translator
from asap_lightning.metrics import MetricSuite

MEASURE = (
    *("height", "width", "mode", "load_height", "load_width", "eval_mode", "odd_size", "instance_edges"),
)
"""Settings of a data set that decide what is measured, whatever data set it is."""


def suite_for(config: DictConfig, data: PairedData, device: torch.device) -> MetricSuite:
    """The metrics for a data set, its segmenter among them."""
    lacking = lacking_of(data.spec)
    protocol = None if lacking else make_protocol(config, data, config.split, device)
    return make_suite(config, lacking=lacking, parts={"segmenter": protocol})


def about_of(config: DictConfig, data: PairedData) -> dict[str, Any]:
    """What figures depend on besides what made the images, for the report."""
    return {
        "data": measured_on(data, config.split),
        "evaluation": plain(config.evaluation),
        "segmenter": plain(config.segmenter),
    }


def model_and_data(config: DictConfig, checkpoint: Path, device: str) -> tuple[Translator, PairedData]:
    """A checkpoint's model, and the data set that it is measured on, which has pairs in ``split``.

    Raises:
        UserError: no checkpoint, no data set that fits it, or no such split.
    """
    translator = Translator(checkpoint, device=device, weights=config.weights)
    assert translator.description is not None
    data = evaluation_data(config, translator.description, checkpoint)
    require_same_kind(translator, data)
    require_split(config.split, data)
    return translator, data


def evaluation_data(config: DictConfig, trained: ModelDescription, checkpoint: Path) -> PairedData:
    """The data set of the training with what was given instead, or the one that was given as a whole.

    What decides the measure (`MEASURE`) is the training's, also on another data set, unless it was typed: the
    file of a data set holds the sizes of its papers. What the user gives is configuration; what the
    checkpoint says is a stranger's, which Hydra never sees.

    Raises:
        UserError: the checkpoint does not know its data set, and none was given.
    """
    given = {key: value for key, value in plain(config.data).items() if value is not None}
    if "_target_" in given:
        typed = {word.lstrip("+").partition("=")[0] for word in HydraConfig.get().overrides.task}
        return make_evaluation_data(config, **decided_by(trained, typed))
    if not trained.data:
        raise UserError(
            "the checkpoint does not say what data it was trained on: choose with data=NAME data.root=DIR"
        )
    if "layout" in given:
        with configured_by("data.layout"):
            given["layout"] = instantiate(given["layout"], _convert_="all")
    return training_data(trained.data, given, str(checkpoint))


def decided_by(trained: ModelDescription, typed: Container[str]) -> dict[str, Any]:
    """What decides the measure and was not typed (``data.height``, ..), as the training had it.

    Raises:
        UserError: no size of an image.
    """
    stored = trained.data
    if "height" in stored or "width" in stored:
        _ = trained.training_size
    return {key: stored[key] for key in MEASURE if key in stored and f"data.{key}" not in typed}


def measured_on(data: PairedData, split: Split) -> dict[str, Any]:
    """What the figures depend on besides the model, for the report."""
    geometry = data.eval_geometry
    sized = {} if geometry.mode == "none" else {"height": geometry.height, "width": geometry.width}
    return {
        "root": data.layout.address,
        "layout": data.layout.title,
        "split": split,
        "mode": geometry.mode,
        **sized,
        "odd_size": data.odd_size,
        "limit": data.limits[split],
        "pairs": len(data.items(split)),
    }


def require_split(split: Any, data: PairedData) -> None:
    """A `UserError` unless the data set has pairs in this split."""
    if split not in SPLITS:
        raise UserError(f"split={split}: one of {', '.join(SPLITS)} was expected")
    data.prepare_data()
    data.items(split)


def require_same_kind(translator: Translator, data: PairedData) -> None:
    """A `UserError` unless the data set's conditions are what the model translates."""
    model, found = translator.spec.as_dict(), data.spec.as_dict()
    differences = [
        f"{key}: the model has {model[key]}, the data set {found[key]}"
        for key in model
        if key != "class_names" and model[key] != found[key]
    ]
    if differences:
        raise UserError("the data set does not fit the model:\n  " + "\n  ".join(differences))
    generator = translator.generator
    data.size_multiple, data.minimum_size = generator.size_multiple, generator.minimum_size
