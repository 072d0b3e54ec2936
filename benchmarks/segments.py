"""What it costs to find the best segment for a region in a memory bank, beside looking at all of them.

A bank of drawn layouts is made (bands of background and ellipses of several classes), then regions of other
layouts are searched for: processor time of one core a region, median and 95th percentile, with and without
context; the scan of `reference.scan` for some of them, and in how many both find the same segment.

    python benchmarks/segments.py
    python benchmarks/segments.py --classes 1 --segments 20000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.segments import Bank, Region, Retriever, regions_of
from asap_lightning.segments.opencv import cv2
from asap_lightning.segments.reference import scan
from asap_lightning.segments.writer import BankWriter

BANDS, OBJECTS, MIN_AREA = 3, 34, 100


def draw(random: np.random.Generator, frame: tuple[int, int], classes: int) -> NDArray[np.uint8]:
    """Three wavy bands of background, and ellipses of ``classes`` classes, the first ones oftener."""
    height, width = frame
    label = np.zeros(frame, np.uint8)
    x = np.arange(width)
    for band in range(1, BANDS):
        wave = sum(
            random.normal(0, 6) * np.sin(x / random.uniform(10, 60) + random.uniform(0, 6)) for _ in range(3)
        )
        edge = height * (band / BANDS + random.normal(0, 0.05)) + wave
        label[np.arange(height)[:, None] >= edge] = band
    share = 1 / np.arange(1, classes + 1)
    for class_id in random.choice(classes, OBJECTS, p=share / share.sum()):
        centre = (int(random.integers(width)), int(random.integers(height)))
        axes = tuple(int(side) for side in np.clip(random.lognormal(2.6, 0.5, 2), 3, 120))
        colour = int(BANDS + class_id)
        cv2.ellipse(label, centre, axes, float(random.uniform(0, 180)), 0, 360, colour, -1)
    return label


def make(folder: Path, segments: int, frame: tuple[int, int], classes: int) -> Bank:
    """A bank of so many segments or a few more."""
    spec = ConditionSpec("label", num_classes=BANDS + classes)
    writer = BankWriter(folder, spec, frame, min_area=MIN_AREA)
    photo = np.zeros((*frame, 3), np.uint8)
    random = np.random.default_rng(0)
    while writer.segments < segments:
        label = draw(random, frame, classes)
        found = regions_of(label, spec.num_classes, min_area=MIN_AREA)
        writer.add(f"train/{len(writer.images)}", label, photo, found)
    writer.finish("drawn", np.zeros((spec.label_channels, 3), np.uint8))
    return Bank(folder)


Query = tuple[Region, NDArray[np.uint8]]


def queries(count: int, frame: tuple[int, int], classes: int) -> list[Query]:
    """Regions of layouts that are not in the bank."""
    random, found = np.random.default_rng(1), []
    while len(found) < count:
        label = draw(random, frame, classes)
        found += [(one, label) for one in regions_of(label, BANDS + classes, min_area=MIN_AREA)]
    return [found[place] for place in np.linspace(0, len(found) - 1, count).astype(int)]


def timed(call: Callable[[Region, NDArray], object], asked: list[Query]) -> tuple[list[object], list[float]]:
    """Results, and milliseconds of processor time."""
    results, times = [], []
    for region, label in asked:
        before = time.process_time()
        results.append(call(region, label))
        times.append(1e3 * (time.process_time() - before))
    return results, times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--segments", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=8, help="of the ellipses")
    parser.add_argument("--frame", type=int, nargs=2, default=(256, 512), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--scans", type=int, default=8, help="how many regions are scanned for")
    options = parser.parse_args()
    frame = tuple(options.frame)
    with tempfile.TemporaryDirectory() as folder:
        before = time.process_time()
        bank = make(Path(folder) / "bank", options.segments, frame, options.classes)
        size = sum(bank.index.sizes.values()) / 1e6
        print(
            f"{len(bank)} segments of {len(bank.images)} images of {frame[1]} x {frame[0]}, {size:.0f} MB, "
            f"written in {time.process_time() - before:.0f} s; the largest class has "
            f"{max(len(bank.of_class(one)) for one in range(bank.spec.num_classes))}"
        )
        asked = queries(options.queries, frame, options.classes)
        for weight in (0.0, 1.0):
            retriever = Retriever(bank, weight)
            retriever.best(*asked[0])
            found, times = timed(retriever.best, asked)
            some = np.linspace(0, len(asked) - 1, options.scans).astype(int)
            slow, slow_times = timed(
                lambda region, label, w=weight: scan(bank, region, label, context_weight=w),
                [asked[place] for place in some],
            )
            same = sum(found[place] == one for place, one in zip(some, slow, strict=True))
            print(
                f"context {weight:g}: {np.median(times):6.2f} ms a region "
                f"(95 %: {np.percentile(times, 95):.2f}, most: {max(times):.2f}); "
                f"scan {np.median(slow_times):.0f} ms; the same segment in {same} of {len(slow)}"
            )


if __name__ == "__main__":
    main()
