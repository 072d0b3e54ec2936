"""TorchScript: a trace that libtorch loads in C++, and old versions of torch in Python."""

from __future__ import annotations

import io
import json
import os
import warnings
from pathlib import Path
from typing import Any

import torch

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.export.graph import TranslationGraph
from asap_lightning.export.inputs import StyleInput, random_values
from asap_lightning.export.metadata import KEY, describe
from asap_lightning.export.program import example_size
from asap_lightning.files import atomic_write
from asap_lightning.models import Generator


def export_torchscript(
    generator: Generator,
    description: ModelDescription | None,
    path: str | os.PathLike[str],
    *,
    style: StyleInput = "code",
) -> dict[str, Any]:
    """Writes a generator as a TorchScript file, in evaluation mode and frozen.

    The file's extra entry ``asap_lightning_export`` holds what is returned, as JSON.

    Args:
        generator: any of the registry; it stays as it is.
        description: of the checkpoint that it comes from; None for one from memory.
        path: of the file; written atomically.
        style: what a generator with an encoder is given, see `graph_inputs`.

    Returns:
        The metadata.
    """
    graph = TranslationGraph(generator, style=style).eval()
    about = describe(graph, description, file_format="torchscript", precision="float32")
    height, width = graph.fixed_size or example_size(graph)
    values = random_values(graph.inputs, 2, height, width)
    with torch.no_grad(), warnings.catch_warnings():
        # Python's own checks of sizes are not part of a trace, which says so at each of them
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated", category=FutureWarning)
        traced = torch.jit.freeze(torch.jit.trace(graph, values, check_trace=False))
        written = io.BytesIO()
        torch.jit.save(traced, written, _extra_files={KEY: json.dumps(about)})
    with atomic_write(Path(path)) as file:
        file.write(written.getbuffer())
    return about
