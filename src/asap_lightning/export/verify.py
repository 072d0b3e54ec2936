"""Running an exported file back and comparing it with the generator that it was made of."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.condition import Condition
from asap_lightning.errors import UserError
from asap_lightning.export.graph import TranslationGraph, smallest_side
from asap_lightning.export.inputs import GraphInput, random_values
from asap_lightning.export.loaded import load_exported
from asap_lightning.export.metadata import Precision
from asap_lightning.export.program import example_size
from asap_lightning.inference.padding import pad_condition
from asap_lightning.models import Generator

Content = Literal["random", "areas"]
MOST_ERROR: dict[Precision, float] = {"float32": 2e-3, "float16": 0.25, "int8": 2.0}
MOST_MEAN_ERROR: dict[Precision, float] = {"float32": 1e-4, "float16": 1e-2, "int8": 0.1}
"""Of images in [-1, 1]; a level of 255 is 0.0078. Beyond them an export has failed."""


@dataclass(frozen=True)
class Comparison:
    """One input translated by the file and by the generator.

    Attributes:
        content: ``random`` values at every pixel, or ``areas`` of equal ones, as in real label maps.
        batch, height, width: of the input.
        max_error, mean_error: absolute differences of images in [-1, 1].
    """

    content: Content
    batch: int
    height: int
    width: int
    max_error: float
    mean_error: float


def compare(path: Path, generator: Generator, graph: TranslationGraph) -> list[Comparison]:
    """Runs a file in its runtime, AOTInductor in a fresh process, at two sizes and two batch sizes.

    Args:
        path: what was exported.
        generator: what it was exported from.
        graph: of it.
    """
    cases = list(_cases(graph))
    inputs = [values for _, values in cases]
    images = _run_apart(path, graph, inputs) if path.suffix == ".pt2" else _run(path, graph, inputs)
    found = []
    for (content, values), image in zip(cases, images, strict=True):
        expected = reference_image(generator, graph, values).numpy()
        if image.shape != expected.shape or not np.isfinite(image).all():
            raise UserError(
                f"{path}: the image has shape {image.shape} or values that are not finite; "
                f"{expected.shape} was expected: the export has failed"
            )
        error = np.abs(image - expected)
        batch, _, height, width = expected.shape
        found.append(Comparison(content, batch, height, width, float(error.max()), float(error.mean())))
    return found


def compare_generators(made: Generator, generator: Generator) -> list[Comparison]:
    """Two generators in torch, at two sizes and two batch sizes."""
    graphs = TranslationGraph(made), TranslationGraph(generator)
    found = []
    for content, values in _cases(graphs[1]):
        first, second = (
            reference_image(network, graph, values)
            for network, graph in zip((made, generator), graphs, strict=True)
        )
        error, (batch, _, height, width) = (first - second).abs(), first.shape
        found.append(Comparison(content, batch, height, width, float(error.max()), float(error.mean())))
    return found


def require_close(comparisons: Sequence[Comparison], precision: Precision, name: str) -> None:
    """A `UserError` where an error is too large for the precision."""
    worst = max(entry.max_error for entry in comparisons)
    mean = max(entry.mean_error for entry in comparisons)
    most, most_mean = MOST_ERROR[precision], MOST_MEAN_ERROR[precision]
    if worst > most or mean > most_mean:
        raise UserError(
            f"{name} differs from the model by up to {worst:.3g} (mean {mean:.3g}) in [-1, 1]; at most "
            f"{most:g} (mean {most_mean:g}) was expected of precision={precision}: nothing was written. "
            + ("Please report it" if precision == "float32" else "Use precision=float32")
        )


@torch.inference_mode()
def reference_image(generator: Generator, graph: TranslationGraph, values: Sequence[Tensor]) -> Tensor:
    """The image that the generator itself gives; where it draws from torch's own numbers, the graph's."""
    given = {entry.name: value for entry, value in zip(graph.inputs, values, strict=True)}
    if {"noise", "seed"} & given.keys():
        return graph(*values)
    condition = Condition(**given)
    height, width = condition.height, condition.width
    padded = pad_condition(condition, generator.size_multiple, generator.minimum_size)
    own = next(generator.parameters())
    return generator(padded.to(own.device)).image[..., :height, :width].cpu()


def areas(values: Sequence[Tensor], inputs: Sequence[GraphInput]) -> tuple[Tensor, ...]:
    """The values with those of every pixel made equal in patches, as classes are in real label maps."""
    return tuple(
        _patches(value) if entry.spatial else value for value, entry in zip(values, inputs, strict=True)
    )


def _patches(value: Tensor, side: int = 12) -> Tensor:
    planes = value if value.ndim == 4 else value.unsqueeze(1)
    height, width = planes.shape[-2:]
    rows, columns = torch.arange(height) // side * side, torch.arange(width) // side * side
    made = planes.index_select(2, rows).index_select(3, columns)
    if value.is_floating_point():  # a photo is smooth
        made = F.avg_pool2d(made, 5, stride=1, padding=2, count_include_pad=False)
    return made if value.ndim == 4 else made.squeeze(1)


def _cases(graph: TranslationGraph) -> list[tuple[Content, tuple[Tensor, ...]]]:
    height, width = graph.fixed_size or example_size(graph)
    least = smallest_side(graph.generator)
    sizes = [(height, width)]
    if graph.exact:
        sizes.append((2 * graph.step, width + graph.step))
    elif graph.fixed_size is None:  # and one that has to be padded
        sizes.append((max(height // 2 + 1, least), width + 3))
    plan: list[tuple[Content, int]] = [("random", 1), ("areas", 2), ("areas", 1), ("random", 2)]
    made: list[tuple[Content, tuple[Tensor, ...]]] = []
    for index, (content, batch) in enumerate(plan):
        values = random_values(graph.inputs, batch, *sizes[index // 2 % len(sizes)], seed=index)
        made.append((content, areas(values, graph.inputs) if content == "areas" else values))
    return made


def _run(path: Path, graph: TranslationGraph, inputs: Sequence[Sequence[Tensor]]) -> list[NDArray]:
    model = load_exported(path, threads=torch.get_num_threads())
    names = [entry.name for entry in graph.inputs]
    return [
        model(**{name: value.numpy() for name, value in zip(names, values, strict=True)}) for values in inputs
    ]


def _run_apart(path: Path, graph: TranslationGraph, inputs: Sequence[Sequence[Tensor]]) -> list[NDArray]:
    """As `_run`, in a process that has nothing of this one but files."""
    names = [entry.name for entry in graph.inputs]
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "inputs.npz", Path(folder) / "images.npz"
        arrays = {
            f"{index}/{name}": value.numpy()
            for index, values in enumerate(inputs)
            for name, value in zip(names, values, strict=True)
        }
        np.savez(given, **arrays)  # type: ignore[arg-type]
        command = [sys.executable, "-m", "asap_lightning.export.apart", str(path), str(given), str(answer)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            raise UserError(f"{path} does not run in a process of its own (exit {done.returncode}): {said}")
        with np.load(answer) as images:
            return [images[str(index)] for index in range(len(inputs))]


def rows(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """As plain data."""
    return [asdict(entry) for entry in comparisons]
