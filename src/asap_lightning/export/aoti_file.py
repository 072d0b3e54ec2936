"""AOTInductor: the graph compiled to a library for this kind of machine, inside a package of torch."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.errors import UserError
from asap_lightning.export.graph import TranslationGraph
from asap_lightning.export.inputs import StyleInput
from asap_lightning.export.metadata import KEY, describe
from asap_lightning.export.program import exported_program
from asap_lightning.files import atomic_write
from asap_lightning.models import Generator


def export_aoti(
    generator: Generator,
    description: ModelDescription | None,
    path: str | os.PathLike[str],
    *,
    style: StyleInput = "code",
) -> dict[str, Any]:
    """Compiles a generator ahead of time (CPU) and writes it as a ``.pt2`` package.

    The package runs on machines with this processor's instructions and this version of torch. The metadata is
    among those of the package, under ``asap_lightning_export``. Its loader looks at no input unless the
    environment variable ``AOTI_RUNTIME_CHECK_INPUTS`` is 1; `load_exported` looks itself. Sizes are
    multiples: padding inside would make every shape an expression, which the compiler works on for minutes;
    SIMS's alone are of its `step`, and nobody pads them.

    Args:
        generator: any of the registry; it stays as it is.
        description: of the checkpoint that it comes from; None for one from memory.
        path: of the file; written atomically.
        style: what a generator with an encoder is given, see `graph_inputs`.

    Returns:
        The metadata.

    Raises:
        UserError: there is no C++ compiler.
    """
    require_compiler()
    graph = TranslationGraph(generator, style=style, pads=False).eval()
    about = describe(graph, description, file_format="aoti", precision="float32")
    about["torch"] = torch.__version__
    target = Path(path)
    with tempfile.TemporaryDirectory() as folder:
        made = torch._inductor.aoti_compile_and_package(
            exported_program(graph),
            package_path=str(Path(folder) / "model.pt2"),
            inductor_configs={"aot_inductor.metadata": {KEY: json.dumps(about)}},
        )
        with open(made, "rb") as read, atomic_write(target) as written:
            shutil.copyfileobj(read, written)
    return about


def require_compiler() -> None:
    """A `UserError` unless there is a C++ compiler, which the compiled graph needs."""
    wanted = os.environ.get("CXX") or "g++"
    if shutil.which(wanted) is None and shutil.which("clang++") is None:
        raise UserError(
            f"format=aoti compiles C++, but there is no compiler '{wanted}' here: install one (Debian: g++), "
            "name it in the environment variable CXX, or choose format=onnx"
        )
