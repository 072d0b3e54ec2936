"""What an exported file says of itself, as plain data: inputs, classes, sizes, method, program."""

from __future__ import annotations

from typing import Any, Literal

from asap_lightning import __version__
from asap_lightning.checkpoint import ModelDescription
from asap_lightning.data.palettes import trained_colours
from asap_lightning.export.graph import TranslationGraph, smallest_side
from asap_lightning.inference.conditions import training_layout
from asap_lightning.models import AsapGenerator

KEY = "asap_lightning_export"
FORMAT = 1
OUTPUT = "translated"
LARGEST = 16_384
"""Most pixels of a side that an exported graph is made for."""
MOST_IMAGES = 1_024
PADDED = "the last row and column are repeated inside the graph, and the image is cut back"
UNPADDED = "the caller repeats the last row and column up to a multiple, twice the multiple at least"
EXACT = "none: both sides are multiples"
Precision = Literal["float32", "float16", "int8"]
Pixelwise = Literal["rows", "whole"]


def describe(
    graph: TranslationGraph, description: ModelDescription | None, *, file_format: str, precision: Precision
) -> dict[str, Any]:
    """The metadata of an exported graph.

    Args:
        graph: what is exported.
        description: of the checkpoint it comes from; None for a generator from memory.
        file_format: ``onnx``, ``torchscript`` or ``aoti``.
        precision: of the weights.
    """
    generator, spec = graph.generator, graph.generator.spec
    about: dict[str, Any] = {
        "format": FORMAT,
        "program": "asap-lightning",
        "version": __version__,
        "file_format": file_format,
        "precision": precision,
        "model": type(generator).__name__,
        "spec": spec.as_dict(),
        "inputs": [entry.as_dict() for entry in graph.inputs],
        "outputs": [
            {
                "name": OUTPUT,
                "dtype": "float32",
                "shape": ["batch", 3, "height", "width"],
                "range": [-1, 1],
                "meaning": "RGB; as levels of 0 to 255: round((x + 1) * 127.5)",
            }
        ],
        "sizes": sizes_of(graph),
    }
    if spec.kind == "label":
        layout = training_layout(description.layout) if description is not None else None
        about["classes"] = spec.channel_names
        about["palette"] = trained_colours(spec, layout).tolist()
    if isinstance(generator, AsapGenerator):
        about |= {"s1": generator.s1, "s2": generator.s2, "tile": generator.tile}
    if description is not None:
        about["generator"] = description.generator
        about["training_size"] = list(description.training_size)
    return about


def sizes_of(graph: TranslationGraph) -> dict[str, Any]:
    """Which heights and widths the graph takes, and what it does about them."""
    if graph.fixed_size is not None:
        height, width = graph.fixed_size
        return {
            "any": False,
            "height": height,
            "width": width,
            "refused": f"every size but {height} x {width} (height x width), which the model was built for",
        }
    least = 2 * graph.step if graph.exact else smallest_side(graph.generator)
    others = f"sides that are no multiples of {graph.step}, or " if graph.exact else "sides "
    return {
        "any": True,
        "smallest": least,
        "largest": LARGEST,
        "multiple": graph.step,
        "minimum": graph.generator.minimum_size,
        "padding": EXACT if graph.exact else PADDED if graph.pads else UNPADDED,
        "refused": f"{others}of fewer than {least} or more than {LARGEST} pixels",
    }
