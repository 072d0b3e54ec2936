"""Exported files beside torch: size, error, time; the table of docs/export.md.

    python benchmarks/export.py --model facades --formats onnx,onnx:float16,onnx:int8,torchscript --size 512
    python benchmarks/export.py --generators asap_small,pix2pix,spade --formats onnx,torchscript --size 256

Each export is timed in turns with the generator in torch (eager) and, for ASAP-Net, with the native kernels,
on one thread. Times are of the processor (``time.process_time``), the least of some rounds, as other programs
may run on the machine. ``--generators`` takes names of ``conf/generator``, with weights as they are drawn.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from asap_lightning.building import build
from asap_lightning.checkpoint import ModelDescription
from asap_lightning.condition import ConditionSpec
from asap_lightning.configuration.peers import sized_node
from asap_lightning.errors import UserError
from asap_lightning.export import Wish, export_model, load_exported
from asap_lightning.export.folding import evaluation_copy
from asap_lightning.export.graph import TranslationGraph
from asap_lightning.export.inputs import random_values
from asap_lightning.export.verify import areas, reference_image
from asap_lightning.inference import load_generator
from asap_lightning.inference.sources import find_model
from asap_lightning.models import AsapGenerator, Generator

SPEC = ConditionSpec(num_classes=12, has_unknown=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="a checkpoint, model file or name")
    parser.add_argument("--generators", default="", help="names of conf/generator, with commas")
    parser.add_argument(
        "--formats", default="onnx,torchscript", help="FORMAT[:PRECISION[:PIXELWISE]], with commas"
    )
    parser.add_argument("--size", type=int, default=256, help="side of the square input")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="JSON file of the rows")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    print("| model | format | MB | max error | mean error | export | native | eager |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name, generator, description in models(options):
        for wanted in options.formats.split(","):
            try:
                row = measured(name, generator, description, wanted, options)
            except UserError as error:
                print(f"{name} as {wanted}: {error}", file=sys.stderr, flush=True)
                continue
            rows.append(row)
            print(line(row), flush=True)
            if options.out:  # as far as it came
                text = json.dumps({"torch": torch.__version__, "rows": rows}, indent=1)
                options.out.write_text(text + "\n")


def models(options: argparse.Namespace) -> Iterator[tuple[str, Generator, ModelDescription]]:
    """One after the other, as all together might not fit."""
    if options.model:
        generator, description = load_generator(find_model(options.model))
        name = options.model if "/" not in options.model else Path(options.model).stem
        yield name, generator, description
    for name in filter(None, options.generators.split(",")):
        node = sized_node(name, options.size)
        torch.manual_seed(0)
        generator = build(node, "generator", spec=SPEC)
        assert isinstance(generator, Generator)
        yield name, generator.eval(), ModelDescription(SPEC.as_dict(), node)


def measured(
    name: str, generator: Generator, description: ModelDescription, wanted: str, options: argparse.Namespace
) -> dict[str, Any]:
    parts = wanted.split(":")
    form, precision, pixelwise = [*parts, *("", "float32", "rows")[len(parts) :]]
    wish = Wish(form, precision=precision, pixelwise=pixelwise)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        made = export_model(generator, description, Path(folder) / "out", wish)
        row: dict[str, Any] = {
            "model": name,
            "format": wanted,
            "size": options.size,
            "bytes": made.bytes,
            "max_error": max(entry.max_error for entry in made.comparisons),
            "mean_error": max(entry.mean_error for entry in made.comparisons),
        }
        if form in ("safetensors", "hub"):
            return row
        graph = TranslationGraph(generator)
        values = areas(random_values(graph.inputs, 1, *graph.fixed_size or (options.size,) * 2), graph.inputs)
        arrays = {entry.name: value.numpy() for entry, value in zip(graph.inputs, values, strict=True)}
        exported = load_exported(made.path, threads=1)
        runs: dict[str, Callable[[], Any]] = {"export": lambda: exported(**arrays)}
        plain = evaluation_copy(generator)
        if isinstance(plain, AsapGenerator):
            plain.backend = "torch"
            native = evaluation_copy(generator)
            assert isinstance(native, AsapGenerator)
            native.prepare_for_inference()
            runs["native"] = lambda: reference_image(native, graph, values)
        runs["eager"] = lambda: reference_image(plain, graph, values)
        return {**row, **in_turns(runs, options.rounds)}


@torch.inference_mode()
def in_turns(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Least milliseconds of processor time of each, after one call that is not counted."""
    for run in runs.values():
        run()
    least = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for key, run in runs.items():
            begin = time.process_time()
            run()
            least[key] = min(least[key], 1000 * (time.process_time() - begin))
    return least


def line(row: dict[str, Any]) -> str:
    times = [f"{row[key]:.0f} ms" if key in row else "-" for key in ("export", "native", "eager")]
    errors = f"{row['max_error']:.1e} | {row['mean_error']:.1e}"
    return f"| {row['model']} | {row['format']} | {row['bytes'] / 1e6:.1f} | {errors} | {' | '.join(times)} |"


if __name__ == "__main__":
    main()
