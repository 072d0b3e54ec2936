"""How fast training pairs come from each layout on one core, and what the time goes into."""

from __future__ import annotations

import cProfile
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from asap_lightning.benchmarking.cases import Case
from asap_lightning.benchmarking.data_trees import PAIRS, draw_trees
from asap_lightning.benchmarking.rows import Row
from asap_lightning.data.batch import collate
from asap_lightning.data.datamodule import PairedDataModule
from asap_lightning.data.dataset import PairedDataset
from asap_lightning.data.layouts import Layout, Shards
from asap_lightning.data.shards.members import Encoding, PhotoFormat
from asap_lightning.data.shards.writer import write_shards
from asap_lightning.data.transforms import Geometry

WORKERS = (1, 2)
STAGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "find": (("store.py", "read"),),
    "decode": (("reading.py", "open_image"),),
    "labels": (("labels.py", "from_ids"), ("labels.py", "from_colours"), ("made.py", "__call__")),
    "resize": (("resizing.py", "resize"),),
    "augment": (("transforms.py", "_augment"),),
    "tensors": (("batch.py", "collate"),),
}
"""Stage -> the functions that do it, as (file, name); none of them calls another one."""


@dataclass
class Variant:
    """One way to store the same pairs.

    Attributes:
        name: as in the table.
        data: what loads them.
        baseline: the variant whose times it is compared with; None for a layout of files.
        wall, processor: seconds a pair, one number a pass.
    """

    name: str
    data: PairedDataModule
    baseline: Variant | None = None
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dataset: PairedDataset = self.data.dataset("train")

    def run(self, epoch: int) -> None:
        """Reads every pair once in this process: files, decoding, augmentation, tensors."""
        wall, processor = time.perf_counter(), time.process_time()
        self._pass(epoch)
        count = len(self.dataset)
        self.wall.append((time.perf_counter() - wall) / count)
        self.processor.append((time.process_time() - processor) / count)

    def _pass(self, epoch: int) -> None:
        for index in range(len(self.dataset)):
            collate([self.dataset[(epoch, index)]])

    def profile(self) -> dict[str, float]:
        """Milliseconds a pair of every stage; ``other`` is what is left."""
        profiler = cProfile.Profile(time.process_time)
        profiler.runcall(self._pass, 0)
        stats: Any = pstats.Stats(profiler)
        spent = dict.fromkeys(STAGES, 0.0)
        for (file, _, function), (_, _, _, cumulative, _) in stats.stats.items():
            for stage, places in STAGES.items():
                if (os.path.basename(file), function) in places and "asap_lightning" in file:
                    spent[stage] += cumulative
        milliseconds = {stage: 1e3 * seconds / len(self.dataset) for stage, seconds in spent.items()}
        total = 1e3 * stats.total_tt / len(self.dataset)
        return {**milliseconds, "other": max(0.0, total - sum(milliseconds.values()))}

    def row(self, case: str) -> Row:
        """The variant's line of the table."""
        row: Row = {
            "case": case,
            "operation": self.name,
            "side": "one core",
            "ms": 1e3 * statistics.median(self.wall),
            "cpu_ms": 1e3 * statistics.median(self.processor),
            "images_per_second": 1 / statistics.median(self.wall),
            "profile": self.profile(),
        }
        if self.baseline is not None:
            pairs = zip(self.baseline.processor, self.processor, strict=True)
            row["times_files"] = statistics.median(files / mine for files, mine in pairs)
        return row


def data_rows(cases: Iterable[Case], *, repeats: int) -> Iterator[Row]:
    """Every layout with the same drawn facades, then the loader with worker processes."""
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            trees = draw_trees(Path(folder), max(case.height, case.width))
            make = partial(_drawn, case=case)
            variants = [Variant(name, make(layout, root)) for name, (layout, root) in trees.items()]
            files = variants[0]
            for name, encoding in encodings(files.data).items():
                out = Path(folder) / name.replace(" ", "_")
                write_shards(files.data.layout, out, source=_source(files.data.layout), encoding=encoding)
                variants.append(Variant(name, make(Shards, out), files))
            yield from measured(variants, case.name, repeats)
            for workers in WORKERS:
                times = [_epoch(make(*trees["facades"], workers=workers)) for _ in range(repeats)]
                rate = statistics.median(times)
                yield {
                    "case": case.name,
                    "operation": "facades",
                    "side": f"{workers} workers",
                    "ms": 1e3 / rate,
                    "images_per_second": rate,
                }


def own_data_rows(
    layout: Layout, source: Mapping[str, Any], make: Callable[..., PairedDataModule], *, repeats: int
) -> Iterator[Row]:
    """A data set of one's own as it is, as shards, and as shards of the training's size.

    Args:
        layout: of the data set.
        source: its settings as ``{_target_: ..}``.
        make: the data module, given a layout (partial or class) and its root.
        repeats: passes over each.
    """
    files = Variant(layout.config, make())
    with tempfile.TemporaryDirectory() as folder:
        variants = [files]
        for name, encoding in encodings(files.data).items():
            out = Path(folder) / name.replace(" ", "_")
            write_shards(layout, out, source=source, encoding=encoding, splits=("train",))
            variants.append(Variant(name, make(layout=Shards, root=out), files))
        yield from measured(variants, layout.config, repeats)


def encodings(data: PairedDataModule) -> dict[str, Encoding]:
    """The ways of writing shards that are compared."""
    sizes: tuple[Geometry, Geometry] = (data.geometry, data.eval_geometry)
    kinds: tuple[PhotoFormat, ...] = ("ppm", "png", "jpeg")
    return {
        "shards": Encoding(check=False),
        **{
            f"shards resized {kind}": Encoding(arrays=True, resize=sizes, photo_format=kind, check=False)
            for kind in kinds
        },
    }


def measured(variants: Sequence[Variant], case: str, repeats: int) -> Iterator[Row]:
    """All variants in turn, again and again, on one thread as in a loader worker."""
    with _one_thread():
        for variant in variants:
            variant.run(0)  # builds the transforms, fills the disk's cache; not counted
            variant.wall.clear()
            variant.processor.clear()
        for epoch in range(repeats):
            for variant in variants:
                variant.run(epoch)
        for variant in variants:
            yield variant.row(case)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _source(layout: Layout) -> dict[str, Any]:
    """Settings of the drawn facades' layout."""
    return {"_target_": f"asap_lightning.data.layouts.{type(layout).__name__}", "split": "ratio"}


def _drawn(layout: Callable[..., Layout], root: Path, *, case: Case, workers: int = 0) -> PairedDataModule:
    """Pairs of the case's size out of slightly larger ones, as in pix2pix."""
    return PairedDataModule(
        root,
        layout,
        case.height,
        case.width,
        mode="resize_and_crop",
        load_height=case.height * 9 // 8,
        load_width=case.width * 9 // 8,
        batch_size=4,
        num_workers=workers,
        persistent_workers=False,
        pin_memory=False,
    )


def _epoch(module: PairedDataModule) -> float:
    """Pairs a second after the first batch, which waits for the workers to start."""
    module.setup("fit")
    batches = iter(module.train_dataloader())
    next(batches)
    start = time.perf_counter()
    count = sum(len(batch) for batch in batches)
    return count / (time.perf_counter() - start)


__all__ = ["PAIRS", "Variant", "data_rows", "own_data_rows"]
