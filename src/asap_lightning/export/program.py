"""The graph captured by `torch.export`, with sizes left open: the common source of ONNX and AOTInductor."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from asap_lightning.export.graph import TranslationGraph, smallest_side
from asap_lightning.export.inputs import random_values
from asap_lightning.export.metadata import LARGEST, MOST_IMAGES
from asap_lightning.models import CrnGenerator


def exported_program(graph: TranslationGraph) -> ExportedProgram:
    """Captures the graph for every batch, height and width that it takes.

    Conditions on the sizes become checks at run time: the padding inside makes them true, which the exporter
    cannot prove.
    """
    height, width = graph.fixed_size or example_size(graph)
    values = random_values(graph.inputs, 2, height, width)
    with torch.no_grad(), oblivious():
        return torch.export.export(
            graph,
            values,
            dynamic_shapes=(tuple(dynamic_axes(graph)),),
            prefer_deferred_runtime_asserts_over_guards=True,
        )


def oblivious() -> Any:
    """Sizes of one tile or grid place are no special case: nothing here is broadcast by chance."""
    return import_module("torch.fx.experimental._config").patch(backed_size_oblivious=True)


def example_size(graph: TranslationGraph) -> tuple[int, int]:
    """A small size of two different sides, neither of which is special to the generator."""
    multiple = graph.step
    least = max(graph.generator.minimum_size, multiple, smallest_side(graph.generator))
    if isinstance(graph.generator, CrnGenerator):
        least *= 2  # its coarsest module sees several rows: one alone would be captured as a special case
    side = -(-max(least + 1, 16) // multiple) * multiple
    return side + multiple, side + 2 * multiple


def dynamic_axes(graph: TranslationGraph) -> list[dict[int, Any]]:
    """For each input, which axes stay open."""
    sides: dict[Any, Any] = {"batch": Dim("batch", min=1, max=MOST_IMAGES)}
    if graph.fixed_size is None:
        generator = graph.generator
        least, multiple = smallest_side(generator), 1
        if not graph.pads:
            multiple = graph.step
            least = -(-max(generator.minimum_size, 2 * multiple, least) // multiple)
        for name in ("height", "width"):
            side = Dim(f"{name}s" if multiple > 1 else name, min=least, max=LARGEST // multiple)
            sides[name] = multiple * side if multiple > 1 else side
    return [
        {place: sides[axis] for place, axis in enumerate(entry.axes) if axis in sides}
        for entry in graph.inputs
    ]
