"""From ``segmenter`` in a configuration to a segmenter and how its answers are counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from asap_lightning.configuration.plain import plain
from asap_lightning.errors import Unavailable, UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from asap_lightning.data import PairedData
    from asap_lightning.data.layout import Split
    from asap_lightning.metrics.segmentation import Protocol
    from asap_lightning.models.segmenters import Segmenter

SCORES = (
    "miou",
    "pixel_accuracy",
    "pixel_accuracy_all",
    "class_accuracy",
    "fw_iou",
    "miou_photos",
    "pixel_accuracy_photos",
)
"""What is computed with a segmenter unless ``evaluation.metrics`` names some of it."""


def with_scores(metrics: list[str], config: DictConfig) -> list[str]:
    """The metrics that are asked for; with a segmenter its scores too, unless some of them are named."""
    chosen = config.segmenter.kind != "none"
    return metrics if not chosen or set(SCORES) & set(metrics) else [*metrics, *SCORES]


def make_protocol(
    config: DictConfig, data: PairedData, split: Split, device: torch.device
) -> Protocol | Unavailable | None:
    """The segmenter that is configured; None without one, the reason where its weights are missing.

    Args:
        config: of the command.
        data: the data set that is measured.
        split: which part of it.
        device: where the segmenter will work, and where one is fitted.

    Raises:
        UserError: a segmenter that does not go with the data set, or a file that is none.
    """
    given = plain(config.segmenter)
    kind = given["kind"]
    if kind == "none":
        return None
    from asap_lightning.metrics.segmentation import Protocol, class_map
    from asap_lightning.models.segmenters.published import PUBLISHED

    if given["labels"] not in ("evaluated", "original"):
        raise UserError(f"segmenter.labels={given['labels']}: evaluated or original was expected")
    try:
        segmenter = _segmenter(kind, given, data, device)
    except Unavailable as reason:
        return reason
    published = PUBLISHED.get(kind)
    classes = class_map(
        data.spec,
        segmenter.classes,
        title=segmenter.title,
        data=published.data if published else "",
        given=given["classes"],
    )
    full = _full_labels(data, split) if given["labels"] == "original" else None
    return Protocol(segmenter.to(device), classes, fcn=kind == "fcn8s", full_label=full)


def _segmenter(kind: str, given: dict[str, Any], data: PairedData, device: torch.device) -> Segmenter:
    weights = None if given.get("weights") is None else Path(given["weights"]).expanduser()
    if kind == "train":
        return _fitted(given, data, device)
    if kind == "torchvision":
        from asap_lightning.evaluation.segmenting.torchvisions import torchvision_segmenter

        return torchvision_segmenter(given["name"], weights)
    if kind == "transformers":
        from asap_lightning.evaluation.segmenting.transformer import transformers_segmenter

        return transformers_segmenter(given["name"])
    if kind == "file":
        return _from_file(given)
    return _published(kind, given, weights)


def _published(kind: str, given: dict[str, Any], weights: Path | None) -> Segmenter:
    from asap_lightning.interop.segmenters import load_segmenter, published_files
    from asap_lightning.models.segmenters.published import PUBLISHED

    if kind not in PUBLISHED:
        raise UserError(f"segmenter.kind={kind}: choose with segmenter=NAME, a file of conf/segmenter")
    published = PUBLISHED[kind]
    absent = [path for path in published_files(kind, weights) if not path.is_file()]
    if absent and weights is None:
        raise Unavailable(
            f"{published.title} needs its published weights, and there is no file {absent[0]}",
            published.fetch_command,
        )
    segmenter = load_segmenter(kind, weights)
    changed: dict[str, Any] = {k: tuple(given[k]) for k in ("scales", "short_sides") if k in given}
    segmenter.sizes = replace(segmenter.sizes, **changed)
    return segmenter


def _from_file(given: dict[str, Any]) -> Segmenter:
    from asap_lightning.evaluation.segmenting.files import file_segmenter
    from asap_lightning.models.segmenters import Normalisation, Sizes

    typed = {word.lstrip("+").partition("=")[0] for word in HydraConfig.get().overrides.task}
    return file_segmenter(
        Path(given["weights"]).expanduser(),
        Normalisation(tuple(given["mean"]), tuple(given["std"]), float(given["scale"]), bool(given["bgr"])),
        Sizes(fixed=None if given["size"] is None else tuple(given["size"]), multiple=int(given["multiple"])),
        runs_code="segmenter.weights" in typed,
    )


def _fitted(given: dict[str, Any], data: PairedData, device: torch.device) -> Segmenter:
    from asap_lightning.evaluation.segmenting import FitSettings, fitted_segmenter

    settings = FitSettings(**given["fit"])
    with _progress(settings.steps) as (on_read, on_step):
        return fitted_segmenter(
            data, settings, Path(given["folder"]), device=device, on_read=on_read, on_step=on_step
        )


@contextmanager
def _progress(steps: int) -> Iterator[tuple[Any, Any]]:
    """Bars for reading the pairs and for fitting, with the time left."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        reading = progress.add_task("reading real pairs", total=None)
        fitting = progress.add_task("fitting the segmenter", total=steps, visible=False)

        def on_read(number: int, total: int) -> None:
            progress.update(reading, completed=number, total=total)

        def on_step(step: int, loss: float) -> None:
            progress.update(
                fitting, completed=step, visible=True, description=f"fitting the segmenter, loss {loss:.2f}"
            )

        yield on_read, on_step


def _full_labels(data: PairedData, split: Split) -> Any:
    """Name of a pair -> its label map as it is on disk."""
    import numpy as np
    import torch

    items = {item.name: item for item in data.items(split)}

    def read(name: str) -> Tensor:
        label = data.layout.read(items[name]).label
        assert label is not None  # the data set's conditions are label maps
        return torch.from_numpy(np.array(label))

    return read
