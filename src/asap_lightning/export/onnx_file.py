"""ONNX: a graph for ONNX Runtime, in C++, Python, browsers and on phones."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.errors import UserError
from asap_lightning.export.graph import TranslationGraph
from asap_lightning.export.inputs import StyleInput
from asap_lightning.export.metadata import KEY, OUTPUT, Pixelwise, Precision, describe
from asap_lightning.export.onnx_pixelwise import can_go_by_rows, fill_place, leave_place
from asap_lightning.export.precision import in_precision
from asap_lightning.export.program import exported_program
from asap_lightning.files import atomic_write
from asap_lightning.models import AsapGenerator, Generator

if TYPE_CHECKING:
    import onnx

OPSET = 20
INSTALL = "pip install 'asap-lightning[onnx]'"


def export_onnx(
    generator: Generator,
    description: ModelDescription | None,
    path: str | os.PathLike[str],
    *,
    precision: Precision = "float32",
    style: StyleInput = "code",
    pixelwise: Pixelwise = "rows",
) -> dict[str, Any]:
    """Writes a generator as an ONNX file: integer labels of any batch, height and width in, images out.

    The file's metadata entry ``asap_lightning_export`` holds what is returned, as JSON.

    Args:
        generator: any of the registry; it stays as it is.
        description: of the checkpoint that it comes from; None for one from memory.
        path: of the file; written atomically.
        precision: of the stored weights, see `asap_lightning.export.precision`.
        style: what a generator with an encoder is given, see `graph_inputs`.
        pixelwise: ASAP-Net's pixelwise stream, by ``rows`` of tiles, which is faster on a processor and needs
            less memory, or ``whole``, for runtimes that keep loops off the GPU.

    Returns:
        The metadata.

    Raises:
        UserError: the libraries are missing, a precision that does not exist, or a graph that is refused.
    """
    require_onnx()
    graph = TranslationGraph(generator, style=style)
    model = in_precision(onnx_model(graph, pixelwise), precision)
    about = describe(graph, description, file_format="onnx", precision=precision)
    write_onnx(model, about, Path(path))
    return about


def onnx_model(graph: TranslationGraph, pixelwise: Pixelwise = "rows") -> onnx.ModelProto:
    """The graph in ONNX, in float32; a generator that goes by rows has no torch implementation afterwards."""
    generator = graph.generator
    by_rows = pixelwise == "rows" and can_go_by_rows(generator)
    if by_rows:
        assert isinstance(generator, AsapGenerator)
        leave_place(generator)
    with quiet_exporter():
        program = torch.onnx.export(
            exported_program(graph),
            dynamo=True,
            optimize=True,
            verbose=False,
            opset_version=OPSET,
            input_names=[entry.name for entry in graph.inputs],
            output_names=[OUTPUT],
        )
    assert program is not None
    model = program.model_proto
    if by_rows:
        assert isinstance(generator, AsapGenerator)
        fill_place(model, generator.layout)
    return model


def write_onnx(model: onnx.ModelProto, about: dict[str, Any], path: Path) -> None:
    """Writes a model with its metadata, and without the exporter's notes of where each node comes from."""
    from asap_lightning import __version__

    model.producer_name, model.producer_version = "asap-lightning", __version__
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
    del model.metadata_props[:]
    model.metadata_props.add(key=KEY, value=json.dumps(about))
    with atomic_write(path) as file:
        file.write(model.SerializeToString())


def require_onnx() -> None:
    """A `UserError` that says what to install, unless everything is there."""
    for name in ("onnx", "onnxscript"):
        if find_spec(name) is None:
            raise UserError(f"format=onnx needs the library {name}: {INSTALL}")
    require_runtime()


def require_runtime() -> Any:
    """ONNX Runtime.

    Raises:
        UserError: it is not installed.
    """
    try:
        return import_module("onnxruntime")
    except ImportError as error:
        raise UserError(f"an .onnx file is run by the library onnxruntime: {INSTALL}") from error


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Keeps the exporter's notes about its own inside, which are no concern of a user's, off the screen."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "onnx_ir.passes")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            warnings.filterwarnings("ignore", category=FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
