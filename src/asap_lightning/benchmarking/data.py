"""How fast training pairs come: files read, decoded, augmented, made tensors."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from asap_lightning.benchmarking.cases import Case
from asap_lightning.benchmarking.rows import Row
from asap_lightning.data.datamodule import PairedDataModule
from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.data.layouts import CmpFacades

PAIRS = 48


def data_rows(cases: Iterable[Case], *, repeats: int) -> Iterator[Row]:
    """Epochs over drawn facades, with 0, 1 and 2 worker processes; batch 4."""
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "facades"
            write_demo_dataset(
                root, count=PAIRS, size=max(case.height, case.width), workers=1, progress=False
            )
            for workers in (0, 1, 2):
                times = [_epoch(root, case, workers) for _ in range(repeats)]
                rate = statistics.median(times)
                yield {
                    "case": case.name,
                    "operation": f"load, {workers} workers",
                    "side": "ours",
                    "ms": 1e3 / rate,
                    "images_per_second": rate,
                    "speedup": 1.0,
                }


def _epoch(root: Path, case: Case, workers: int) -> float:
    """Pairs a second after the first batch, which waits for the workers to start."""
    module = PairedDataModule(
        root,
        partial(CmpFacades, split="ratio", test_share=0.1),
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
    module.setup("fit")
    batches = iter(module.train_dataloader())
    next(batches)
    start = time.perf_counter()
    count = sum(len(batch) for batch in batches)
    return count / (time.perf_counter() - start)
