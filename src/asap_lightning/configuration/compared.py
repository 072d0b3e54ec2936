"""The models of a comparison: the data set that they share, and pictures of what each makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from asap_lightning.configuration.checkpoints import find_checkpoint
from asap_lightning.configuration.data import make_evaluation_data
from asap_lightning.configuration.measured import (
    measured_on,
    model_and_data,
    require_split,
)
from asap_lightning.data import PairedData
from asap_lightning.data.batch import collate
from asap_lightning.data.panels import Picture, fit
from asap_lightning.data.sample_pictures import sample_pictures
from asap_lightning.errors import UserError
from asap_lightning.evaluation.folders import open_folder
from asap_lightning.evaluation.given_pictures import (
    GivenPictures,
    Source,
    images_from,
    is_picture_folder,
)
from asap_lightning.evaluation.scored import ScoredModel, is_evaluation, read_scores
from asap_lightning.inference.devices import choose_device
from asap_lightning.reports.scores_page import CELL


def data_of_models(config: DictConfig, words: Sequence[str]) -> PairedData:
    """The data set that was given as a whole, or else that of the first checkpoint among the models.

    Raises:
        UserError: neither.
    """
    if config.data.get("_target_") is not None:
        data = make_evaluation_data(config)
        require_split(config.split, data)
        return data
    for word in words:
        path = Path(word).expanduser()
        if is_evaluation(path):
            checkpoint = read_scores(path).checkpoint
        elif is_picture_folder(path):
            checkpoint = None
        else:
            checkpoint = find_checkpoint(word, runs=config.runs)
        if checkpoint is not None:
            return model_and_data(config, checkpoint, "cpu")[1]
    raise UserError(
        "the models are folders of pictures alone, so it is not known what to measure them against: "
        "real=PHOTOS names a folder of photos, data=NAME data.root=DIR a data set"
    )


def pictures_of(
    model: ScoredModel, names: Sequence[str], config: DictConfig, shared: Callable[[], PairedData]
) -> dict[str, Mapping[str, Picture]] | None:
    """Pictures of some images by name, as `sample_pictures`; None where what made them is not at hand.

    Args:
        model: of the comparison.
        names: of the images.
        config: of the comparison.
        shared: `data_of_models`, computed once.
    """
    if model.photos is not None and model.pictures is not None:
        return _of_folders(model.pictures, model.photos, names, model.data)
    try:
        source, data = _source(model, config, shared)
    except UserError:
        return None
    places = {item.name: index for index, item in enumerate(data.items(config.split))}
    if model.data != measured_on(data, config.split) or not set(names) <= set(places):
        return None
    dataset = data.evaluation_dataset(config.split)
    found: dict[str, Mapping[str, Picture]] = {}
    for name in names:
        batch = collate([dataset[places[name]]]).to(choose_device(config.device))
        found[name] = sample_pictures(batch, images_from(source, batch), 0, data.spec, CELL)
    return found


def _source(
    model: ScoredModel, config: DictConfig, shared: Callable[[], PairedData]
) -> tuple[Source, PairedData]:
    """What makes a model's images, and the data set."""
    if model.checkpoint is not None:
        translator, data = model_and_data(config, model.checkpoint, config.device)
        return translator.translate, data
    if model.pictures is None:
        raise UserError(f"{model.name} has neither a checkpoint nor pictures")
    data = shared()
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
