"""What ``asap export`` does: a file is written, run back and compared before it gets its name."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from asap_lightning.checkpoint import ModelDescription
from asap_lightning.errors import UserError
from asap_lightning.export.graph import TranslationGraph
from asap_lightning.export.hub import export_hub, export_safetensors
from asap_lightning.export.inputs import StyleInput
from asap_lightning.export.metadata import Pixelwise, Precision
from asap_lightning.export.verify import Comparison, compare, require_close, rows
from asap_lightning.files import atomic_write, sha256_of
from asap_lightning.model_file import MODEL
from asap_lightning.models import Generator

Format = Literal["onnx", "torchscript", "aoti", "safetensors", "hub"]
NAMES: dict[Format, str] = {
    "onnx": "model.onnx",
    "torchscript": "model.pt",
    "aoti": "model.pt2",
    "safetensors": MODEL,
    "hub": MODEL,
}
REPORT = "export.json"
PRECISIONS: dict[Format, tuple[Precision, ...]] = {
    "onnx": ("float32", "float16", "int8"),
    "safetensors": ("float32", "float16"),
    "hub": ("float32", "float16"),
}
"""Other formats are written in float32 alone."""


@dataclass(frozen=True)
class Wish:
    """What is to be exported, and how.

    Attributes:
        format: of the file.
        precision: of its weights: ``int8`` for ONNX alone, ``float16`` for ONNX, safetensors and hub.
        style: what a generator with an encoder is given.
        pixelwise: of ASAP-Net in ONNX: by ``rows`` of tiles or ``whole``, see `export_onnx`.
        overwrite: whether files of an earlier export may be replaced.
        card: what a model card is told beside the checkpoint, see `asap_lightning.export.card`.
    """

    format: Format
    precision: Precision = "float32"
    style: StyleInput = "code"
    pixelwise: Pixelwise = "rows"
    overwrite: bool = False
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value, known in (
            ("format", self.format, get_args(Format)),
            ("precision", self.precision, get_args(Precision)),
            ("style", self.style, get_args(StyleInput)),
            ("pixelwise", self.pixelwise, get_args(Pixelwise)),
        ):
            if value not in known:
                known = (*known, "web") if key == "format" else known  # which the command does by itself
                raise UserError(f"{key}={value}: one of {', '.join(known)} was expected")
        allowed = PRECISIONS.get(self.format, ("float32",))
        if self.precision not in allowed:
            raise UserError(
                f"precision={self.precision} is not for format={self.format}: "
                f"{' or '.join(allowed)} was expected"
            )


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: of the model's file.
        bytes: its size.
        comparisons: with the generator; none for files that hold weights alone.
        about: its metadata.
    """

    path: Path
    bytes: int
    comparisons: list[Comparison]
    about: dict[str, Any]


def export_model(
    generator: Generator,
    description: ModelDescription,
    output: str | os.PathLike[str],
    wish: Wish,
    *,
    weights: str = "raw",
) -> Exported:
    """Exports a generator into a folder: its file and ``export.json``.

    The file gets its name once it has been run back and its errors are small enough, so that what is there is
    right.

    Args:
        generator: as loaded, on the CPU.
        description: of its checkpoint.
        output: a folder, made where it is not there.
        wish: what is wanted.
        weights: ``ema`` or ``raw``: what the weights are.

    Raises:
        UserError: an option that does not fit, files that are there already, an output that cannot be
            written, or errors that are too large.
    """
    folder = Path(output).expanduser()
    target = folder / NAMES[wish.format]
    _check_free(folder, wish)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export_", dir=folder) as inside:
            made = Path(inside)
            about = _write(generator, description, made, wish, weights)
            comparisons = _verified(generator, made / target.name, wish)
            report = {
                **about,
                "file": target.name,
                "bytes": (made / target.name).stat().st_size,
                "sha256": sha256_of(made / target.name),
                "comparisons": rows(comparisons),
            }
            for path in sorted(made.iterdir(), key=lambda path: path.name == target.name):
                os.replace(path, folder / path.name)  # the model comes last: where it is, all is
        with atomic_write(folder / REPORT, "w") as file:
            json.dump(report, file, indent=1)
    except OSError as error:
        where = error.filename or folder
        raise UserError(
            f"output={folder}: {where} cannot be written: {error.strerror or error}; choose another folder"
        ) from error
    return Exported(target, report["bytes"], comparisons, about)


def _check_free(folder: Path, wish: Wish) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"output={folder} is a file; a folder was expected")
    there = [name for name in (NAMES[wish.format], REPORT) if (folder / name).exists()]
    if there and not wish.overwrite:
        raise UserError(
            f"output={folder} holds {' and '.join(there)} already; overwrite=true replaces them, or choose "
            "another folder"
        )


def _write(
    generator: Generator, description: ModelDescription, folder: Path, wish: Wish, weights: str
) -> dict[str, Any]:
    path = folder / NAMES[wish.format]
    if wish.format == "safetensors":
        return export_safetensors(generator, description, path, precision=wish.precision, weights=weights)
    if wish.format == "hub":
        return export_hub(
            generator, description, folder, precision=wish.precision, weights=weights, card=wish.card
        )
    if wish.format == "onnx":
        from asap_lightning.export.onnx_file import export_onnx

        return export_onnx(
            generator,
            description,
            path,
            precision=wish.precision,
            style=wish.style,
            pixelwise=wish.pixelwise,
        )
    from asap_lightning.export.aoti_file import export_aoti
    from asap_lightning.export.torchscript_file import export_torchscript

    writer: Callable[..., dict[str, Any]] = export_aoti if wish.format == "aoti" else export_torchscript
    return writer(generator, description, path, style=wish.style)


def _verified(generator: Generator, path: Path, wish: Wish) -> list[Comparison]:
    if wish.format in ("safetensors", "hub"):
        from asap_lightning.export.hub import compare_weights

        comparisons = compare_weights(path, generator)
    else:
        graph = TranslationGraph(generator, style=wish.style, pads=wish.format != "aoti")
        if not graph.exact:  # what the loader pads is compared at sizes of any kind
            graph = TranslationGraph(generator, style=wish.style)
        comparisons = compare(path, generator, graph)
    require_close(comparisons, wish.precision, path.name)
    return comparisons
