"""Weights alone: a model file (safetensors), and the folder that a hub of models takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.data.layouts.classes import CMP, names
from asap_lightning.data.palettes import colorize_label
from asap_lightning.data.panels import save_png, tile
from asap_lightning.export.card import model_card
from asap_lightning.export.graph import TranslationGraph
from asap_lightning.export.inputs import random_values
from asap_lightning.export.metadata import Precision, describe
from asap_lightning.export.verify import Comparison, areas, reference_image
from asap_lightning.files import atomic_write
from asap_lightning.inference.translator import to_array
from asap_lightning.model_file import MODEL, public, write_model
from asap_lightning.models import Generator

CONFIG, CARD, PREVIEW = "config.json", "README.md", "preview.png"
PREVIEW_SIDE = 512


def export_safetensors(
    generator: Generator,
    description: ModelDescription,
    path: Path,
    *,
    precision: Precision = "float32",
    weights: str = "raw",
) -> dict[str, Any]:
    """Writes a model file, see `asap_lightning.model_file`; `Translator.load` reads it.

    Args:
        generator: whose weights are written.
        description: of its checkpoint.
        path: of the file.
        precision: ``float32`` or ``float16``.
        weights: ``ema`` or ``raw``: what they are.

    Returns:
        The metadata.
    """
    write_model(path, description, generator.state_dict(), kind=weights, dtype=precision)
    return describe(TranslationGraph(generator), description, file_format="safetensors", precision=precision)


def export_hub(
    generator: Generator,
    description: ModelDescription,
    folder: Path,
    *,
    precision: Precision = "float32",
    weights: str = "raw",
    card: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Writes a folder as hubs of models take it: weights, ``config.json``, model card, preview.

    Args:
        generator: whose weights are written.
        description: of its checkpoint.
        folder: that receives the files.
        precision: ``float32`` or ``float16``.
        weights: ``ema`` or ``raw``: what they are.
        card: see `model_card`.

    Returns:
        The metadata.
    """
    about = export_safetensors(generator, description, folder / MODEL, precision=precision, weights=weights)
    _write(folder / CONFIG, json.dumps({**about, **public(description).as_dict()}, indent=1) + "\n")
    size = (folder / MODEL).stat().st_size
    _write(folder / CARD, model_card(generator, description, about, size, dict(card or {})))
    save_png(folder / PREVIEW, preview(generator))
    return about


def preview(generator: Generator) -> NDArray[np.uint8]:
    """A condition beside what the generator makes of it.

    Facades are drawn ones; other classes lie in patches, as their data set is not at hand.
    """
    graph = TranslationGraph(generator)
    height, width = graph.fixed_size or _preview_size(generator)
    values = list(areas(random_values(graph.inputs, 1, height, width), graph.inputs))
    spec = generator.spec
    if spec.kind == "label" and spec.class_names[: len(CMP)] == names(CMP) and height == width:
        from asap_lightning.data.demo import draw_facade

        values[0] = torch.from_numpy(draw_facade(1, 0, height).label.astype(np.int32) - 1)[None]
    image = reference_image(generator, graph, values)[0]
    picture = to_array(image)
    if spec.kind == "label":
        return tile([[colorize_label(values[0][0].numpy(), spec), picture]])
    shown = values[0][0, :3] if spec.channels >= 3 else values[0][0, :1].expand(3, -1, -1)
    return tile([[to_array(shown), picture]])


def compare_weights(path: Path, generator: Generator) -> list[Comparison]:
    """A model file read again and compared with the generator, both by torch."""
    from asap_lightning.export.verify import compare_generators
    from asap_lightning.inference import load_generator

    return compare_generators(load_generator(path)[0], generator)


def _preview_size(generator: Generator) -> tuple[int, int]:
    side = max(PREVIEW_SIDE, generator.minimum_size)
    return side, side


def _write(path: Path, text: str) -> None:
    with atomic_write(path, "w") as file:
        file.write(text)
