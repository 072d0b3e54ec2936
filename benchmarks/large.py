"""Images larger than memory: time and memory of a translation by strips, and of the same at once.

The label map is a mosaic of drawn facades, written row by row as a grey PNG. Each translation runs in a
process of its own, whose peak of resident memory the system tells. Times are given by the clock and as
processor time, because a busy machine's clock measures the other programs too.

    python benchmarks/large.py --model CHECKPOINT --size 16384x16384 --folder FOLDER
    python benchmarks/large.py --untrained 16x8 --size 65536x32768 --folder FOLDER
    python benchmarks/large.py --model CHECKPOINT --size 4096x4096 --folder FOLDER --at-once

``--at-once`` translates in memory too, and compares the images.
"""

from __future__ import annotations

import argparse
import json
import resource
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from asap_lightning import Translator
from asap_lightning.condition import ConditionSpec
from asap_lightning.data.demo.paint import draw_facade
from asap_lightning.inference import rendering
from asap_lightning.inference.large import translate_large
from asap_lightning.models import AsapGenerator

SIDE = 512
KINDS = 24


def write_mosaic(path: Path, width: int, height: int, seed: int = 0) -> None:
    """A label map of ``width`` x ``height`` pixels, in the memory of a few rows."""

    def chunk(name: bytes, content: bytes) -> None:
        file.write(struct.pack(">I", len(content)) + name + content)
        file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(name))))

    facades = [np.asarray(draw_facade(seed, index, SIDE).label) for index in range(KINDS)]
    random, packer = np.random.default_rng(seed), zlib.compressobj(6)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        for top in range(0, height, SIDE):
            chosen = random.integers(0, KINDS, -(-width // SIDE))
            rows = np.concatenate([facades[index] for index in chosen], axis=1)[: height - top, :width]
            unfiltered = np.zeros((len(rows), 1 + width), np.uint8)
            unfiltered[:, 1:] = rows
            chunk(b"IDAT", packer.compress(unfiltered.tobytes()))
        chunk(b"IDAT", packer.flush())
        chunk(b"IEND", b"")


def untrained(factors: str) -> Translator:
    """An ASAP-Net with the networks of the model in the box, but of another tile: S1xS2."""
    s1, s2 = (int(factor) for factor in factors.split("x"))
    torch.manual_seed(0)
    spec = ConditionSpec(num_classes=13)
    sizes = {"mlp_width": 32, "lowres_width": 32, "lowres_max_width": 192, "lowres_depth": 5}
    generator = AsapGenerator(spec, s1=s1, s2=s2, init_gain=0.5, **sizes)
    translator = Translator.from_generator(generator, device="cpu")
    generator.prepare_for_inference()
    return translator


def translate(arguments: argparse.Namespace) -> None:
    """One translation; prints its figures as JSON."""
    torch.set_num_threads(arguments.threads)
    translator = untrained(arguments.untrained) if arguments.untrained else Translator.load(arguments.model)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, processor = time.perf_counter(), time.process_time()
    if arguments.work == "strips":
        translate_large(translator, arguments.source, arguments.target, memory=arguments.memory << 20)
    else:
        if arguments.work == "whole":
            rendering.AT_ONCE = 1 << 62
        translator(arguments.source).save(arguments.target)
    figures = {
        "work": arguments.work,
        "seconds": time.perf_counter() - started,
        "processor seconds": time.process_time() - processor,
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "MiB before": before / 1024,
    }
    print(json.dumps(figures))


def measured(arguments: argparse.Namespace, work: str, source: Path, target: Path) -> dict[str, float]:
    """The figures of a translation in a fresh process."""
    command = [sys.executable, __file__, "--work", work, "--source", str(source), "--target", str(target)]
    command += ["--model", str(arguments.model), "--threads", str(arguments.threads)]
    command += ["--memory", str(arguments.memory)]
    command += ["--untrained", arguments.untrained] if arguments.untrained else []
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(said.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="facades", help="a checkpoint of an ASAP-Net, or a name")
    parser.add_argument(
        "--untrained", help="S1xS2: a network of that tile instead, for time and memory alone"
    )
    parser.add_argument("--size", default="16384x16384", help="width x height")
    parser.add_argument("--folder", type=Path, default=Path("large"), help="for label map and images")
    parser.add_argument("--format", default="tif", help="tif, png or zarr")
    parser.add_argument("--memory", type=int, default=512, help="MiB for features")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--at-once", action="store_true", help="in memory too, where that fits")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--target", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        translate(arguments)
        return
    width, height = (int(side) for side in arguments.size.split("x"))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    source = arguments.folder / f"labels_{width}x{height}.png"
    if not source.is_file():
        write_mosaic(source, width, height)
    megapixels = width * height / 1e6
    targets = {"strips": source.with_name(f"image_{width}x{height}.{arguments.format}")}
    if arguments.at_once:
        targets |= {work: source.with_name(f"{work}_{width}x{height}.png") for work in ("call", "whole")}
    for work, target in targets.items():
        figures = measured(arguments, work, source, target)
        for name in ("seconds", "processor seconds"):
            figures[f"{name} a megapixel"] = figures[name] / megapixels
        print(json.dumps({key: round(v, 3) if isinstance(v, float) else v for key, v in figures.items()}))
    if arguments.at_once:
        Image.MAX_IMAGE_PIXELS = None
        images = {work: np.asarray(Image.open(target)).astype(np.int16) for work, target in targets.items()}
        for work in ("strips", "call"):
            apart = np.abs(images[work] - images["whole"])
            print(f"{work} and at once: {apart.max()} levels apart at most, {(apart > 0).mean():.2e} differ")


if __name__ == "__main__":
    main()
