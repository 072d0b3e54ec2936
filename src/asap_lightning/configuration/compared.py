"""The models of a comparison: the data set that they share, and pictures of what each makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from torch import Tensor

from asap_lightning.condition import Condition
from asap_lightning.configuration.checkpoints import find_checkpoint
from asap_lightning.configuration.data import make_evaluation_data
from asap_lightning.configuration.measured import (
    evaluation_data,
    measured_on,
    require_same_kind,
    require_split,
)
from asap_lightning.data import PairedData
from asap_lightning.data.batch import collate
from asap_lightning.data.panels import Picture, fit
from asap_lightning.data.sample_pictures import sample_pictures
from asap_lightning.errors import UserError
from asap_lightning.evaluation.folders import open_folder
from asap_lightning.evaluation.given_pictures import GivenPictures, is_picture_folder
from asap_lightning.evaluation.scored import METRICS_JSON, ScoredModel, read_scores
from asap_lightning.inference import Translator
from asap_lightning.inference.translator import choose_device
from asap_lightning.reports.scores_page import CELL


def data_of_models(config: DictConfig, words: Sequence[str]) -> PairedData:
    """The data set that was given as a whole, or else that of the first checkpoint among the models.

    Raises:
        UserError: neither.
    """
    if config.data.get("_target_") is not None:
        return make_evaluation_data(config)
    for word in words:
        path = Path(word).expanduser()
        if path.name == METRICS_JSON or (path / METRICS_JSON).is_file():
            checkpoint = read_scores(path).checkpoint
        elif is_picture_folder(path):
            checkpoint = None
        else:
            checkpoint = find_checkpoint(word, runs=config.runs)
        if checkpoint is not None:
            translator = Translator(checkpoint, device="cpu", weights=config.weights)
            assert translator.description is not None
            data = evaluation_data(config, translator.description, checkpoint)
            require_same_kind(translator, data)
            return data
    raise UserError(
        "the models are folders of pictures alone, so it is not known what to measure them against: "
        "real=PHOTOS names a folder of photos, data=NAME data.root=DIR a data set"
    )


def pictures_of(
    model: ScoredModel, names: Sequence[str], config: DictConfig
) -> dict[str, Mapping[str, Picture]] | None:
    """``condition``, ``generated``, ``photo`` of some images; None where what made them is not at hand."""
    if model.photos is not None and model.pictures is not None:
        return _of_folders(model.pictures, model.photos, names, model.data)
    try:
        translate, data = _source(model, config)
        require_split(config.split, data)
    except UserError:
        return None
    places = {item.name: index for index, item in enumerate(data.items(config.split))}
    if model.data != measured_on(data, config.split) or not set(names) <= set(places):
        return None
    dataset = data.evaluation_dataset(config.split)
    found: dict[str, Mapping[str, Picture]] = {}
    for name in names:
        batch = collate([dataset[places[name]]]).to(choose_device(config.device))
        if isinstance(translate, GivenPictures):
            (batch,) = translate.following([batch])
        generated = translate(batch.condition)
        three = sample_pictures(batch, generated, 0, data.spec, CELL)
        found[name] = dict(zip(("condition", "generated", "photo"), three, strict=True))
    return found


def _source(model: ScoredModel, config: DictConfig) -> tuple[Callable[[Condition], Tensor], PairedData]:
    """What makes a model's images, and the data set."""
    if model.checkpoint is not None:
        translator = Translator(model.checkpoint, device=config.device, weights=config.weights)
        assert translator.description is not None
        data = evaluation_data(config, translator.description, model.checkpoint)
        require_same_kind(translator, data)
        return translator.translate, data
    if model.pictures is None:
        raise UserError(f"{model.name} has neither a checkpoint nor pictures")
    data = data_of_models(config, [str(word) for word in config.models])
    require_split(config.split, data)
    return GivenPictures(model.pictures, [item.name for item in data.items(config.split)]), data


def _of_folders(
    pictures: Path, photos: Path, names: Sequence[str], data: Mapping[str, Any]
) -> dict[str, Mapping[str, Picture]] | None:
    height, width = data.get("height"), data.get("width")
    size = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    try:
        fake, real = open_folder(pictures, "fake", size), open_folder(photos, "real", size)
    except UserError:
        return None
    if not set(names) <= set(fake.files) & set(real.files):
        return None
    return {
        name: {"generated": fit(fake.read(name), CELL), "photo": fit(real.read(name), CELL)} for name in names
    }
