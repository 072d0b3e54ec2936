"""``asap evaluate``: measures a checkpoint on a data set; a table, JSON, and a row an image as CSV."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import track
from rich.table import Table

from asap_lightning import __version__
from asap_lightning.commands.assemble import make_data, plain
from asap_lightning.commands.checkpoints import find_checkpoint
from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts.base import SPLITS
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.inference import Translator
from asap_lightning.metrics import image_scores

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageRow:
    """The figures of one image."""

    name: str
    psnr: float
    ssim: float
    l1: float


def run(config: DictConfig) -> None:
    """Evaluates ``config.ckpt`` and writes ``metrics.json`` and ``images.csv`` into ``config.output``.

    Raises:
        UserError: no checkpoint, no photos to compare with, a data set of another kind than the model's.
    """
    checkpoint = find_checkpoint(config.ckpt, runs=config.runs, name=config.name)
    translator = Translator(checkpoint, device=config.device, weights=config.weights)
    assert translator.description is not None
    data = make_data(
        OmegaConf.create({"data": data_settings(plain(config.data), translator.description.config)})
    )
    require_same_kind(translator, data)
    rows = list(measure(translator, data, config.split))
    if not rows:
        raise UserError(f"the split '{config.split}' of {data.layout.root} has no photos to compare with")
    means = {name: sum(getattr(row, name) for row in rows) / len(rows) for name in ("psnr", "ssim", "l1")}
    report = {
        "checkpoint": str(checkpoint),
        "data": {"root": str(data.layout.root), "split": config.split, "images": len(rows)},
        "metrics": means,
        "version": __version__,
    }
    output = Path(config.output)
    write_report(output, report, rows)
    Console().print(table_of(means, len(rows), config.split))
    Console().print(
        f"metrics  {output / 'metrics.json'}\nimages   {output / 'images.csv'}", soft_wrap=True, markup=False
    )


def data_settings(given: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
    """The data set of the training with what was given instead, or the one that was given as a whole.

    Raises:
        UserError: the checkpoint does not know its data set, and none was given.
    """
    chosen = {key: value for key, value in given.items() if value is not None}
    if "_target_" in chosen:
        return dict(given)
    stored = trained.get("data")
    if not stored:
        raise UserError(
            "the checkpoint does not say what data it was trained on: choose with data=NAME data.root=DIR"
        )
    return {**stored, **chosen}


def require_same_kind(translator: Translator, data: PairedDataModule) -> None:
    """A `UserError` unless the data set's conditions are what the model translates."""
    model, found = translator.spec.as_dict(), data.spec.as_dict()
    differences = [
        f"{key}: the model has {model[key]}, the data set {found[key]}"
        for key in model
        if key != "class_names" and model[key] != found[key]
    ]
    if differences:
        raise UserError("the data set does not fit the model:\n  " + "\n  ".join(differences))
    data.size_multiple = translator.generator.size_multiple


def measure(translator: Translator, data: PairedDataModule, split: str) -> Iterator[ImageRow]:
    """Translates every pair of a split and compares it with its photo."""
    if split not in SPLITS:
        raise UserError(f"split={split}: one of {', '.join(SPLITS)} was expected")
    console = Console(stderr=True)
    loader = data._evaluation_loader(split)
    for batch in track(loader, description="evaluating", console=console, disable=not console.is_terminal):
        if batch.photo is None:
            continue
        generated = translator.translate(batch.condition).cpu()
        for image, photo, name, (height, width) in zip(
            generated, batch.photo, batch.names, batch.valid, strict=True
        ):
            scores = image_scores(image[:, :height, :width], photo[:, :height, :width])
            yield ImageRow(name, *(float(score) for score in scores))


def write_report(output: Path, report: Mapping[str, Any], rows: list[ImageRow]) -> None:
    """``metrics.json`` and ``images.csv``."""
    with atomic_write(output / "metrics.json", "w") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
    with atomic_write(output / "images.csv", "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "psnr", "ssim", "l1"])
        writer.writerows([row.name, f"{row.psnr:.4f}", f"{row.ssim:.5f}", f"{row.l1:.5f}"] for row in rows)


def table_of(means: Mapping[str, float], count: int, split: str) -> Table:
    """The means as a table."""
    table = Table("metric", title=f"{count} images of '{split}'", title_justify="left")
    table.add_column("mean", justify="right")
    units = {"psnr": "PSNR (dB)", "ssim": "SSIM", "l1": "L1 (0..1)"}
    for name, value in means.items():
        table.add_row(units[name], f"{value:.4f}")
    return table
