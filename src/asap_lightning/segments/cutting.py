"""A data set cut into segments: the way from files to a memory bank."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layout import Item, Layout, Split
from asap_lightning.data.palettes import trained_colours
from asap_lightning.data.resizing import resize
from asap_lightning.data.sample import Sample
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_folder
from asap_lightning.segments.bank_files import INDEX, MAX_SIDE, BankIndex
from asap_lightning.segments.descriptors import LEAST_SIDE
from asap_lightning.segments.names import class_ids
from asap_lightning.segments.regions import Region, regions_of
from asap_lightning.segments.writer import BankWriter
from asap_lightning.wording import counted

Progress = Callable[[int, int], None]
"""Called with the number of images that are done, and of all."""
IN_FLIGHT = 4
"""Images a thread that are read ahead at most."""
DEFAULT_SHARE = 1e-3
"""Of the frame's pixels, the smallest segment: 66 of 256 x 256, 131 of 256 x 512."""


@dataclass(frozen=True)
class CutSummary:
    """What `cut_bank` did.

    Attributes:
        out: the bank.
        index: what it says of itself.
        scaled: how many images were not of the frame's size.
        seconds: it took.
        size: bytes of all files.
    """

    out: Path
    index: BankIndex
    scaled: int
    seconds: float
    size: int


@dataclass(frozen=True)
class _Cut:
    """What became of one image."""

    name: str
    label: NDArray
    photo: NDArray[np.uint8]
    regions: list[Region]
    scaled: bool


def cut_bank(
    layout: Layout,
    out: str | os.PathLike[str],
    *,
    height: int,
    width: int,
    splits: Sequence[Split] = ("train",),
    min_area: int | None = None,
    min_thickness: int = 1,
    join: Collection[str] = (),
    limit: int | None = None,
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> CutSummary:
    """Cuts the pairs of a data set into segments and writes them as a bank.

    Args:
        layout: a data set of label maps with photos.
        out: the folder that becomes the bank; it appears when it is whole.
        height, width: of the frame: every pair is brought to this size first.
        splits: whose pairs.
        min_area: pixels of the smallest segment; None is a thousandth of the frame.
        min_thickness: a square of so many pixels a side must fit into a segment.
        join: names of classes that count as the nearest other class when the others' regions are found.
        limit: only the first pairs of each split.
        workers: threads.
        overwrite: whether a bank that is there is replaced.
        progress: see `Progress`.

    Raises:
        UserError: conditions that are no label maps, a pair without a photo or that cannot be read, no
            segments, something else in the place of ``out``, a full disk.
    """
    started, out = time.monotonic(), Path(out).expanduser()
    spec = _label_spec(layout)
    _require_frame(height, width)
    least = max(1, round(height * width * DEFAULT_SHARE)) if min_area is None else min_area
    if not 1 <= least <= height * width:
        raise UserError(f"--min-area {least}: from 1 to {height * width} pixels (all of the frame) expected")
    if not 1 <= min_thickness <= min(height, width):
        raise UserError(f"--min-thickness {min_thickness}: from 1 to {min(height, width)} pixels expected")
    joined = class_ids(spec, join, "--join")
    _require_free(out, overwrite)
    items = [(split, item) for split in splits for item in layout.items(split)[:limit]]
    scaled = 0
    try:
        with atomic_folder(out, replace=overwrite) as folder:
            rules: dict[str, Any] = {"min_area": least, "min_thickness": min_thickness, "join": joined}
            writer = BankWriter(folder, spec, (height, width), **rules)
            try:
                cuts = _cut_all(layout, items, (height, width), rules, workers)
                for done, cut in enumerate(cuts, 1):
                    writer.add(cut.name, cut.label, cut.photo, cut.regions)
                    scaled += cut.scaled
                    if progress is not None:
                        progress(done, len(items))
                index = writer.finish(layout.title, trained_colours(spec, layout))
            finally:
                writer.close()
    except OSError as error:
        raise UserError(
            f"out={out}: the bank could not be written: {error.strerror or error}. Free some space, or "
            "choose a folder that is writable and not there yet"
        ) from error
    size = sum(index.sizes.values()) + (out / INDEX).stat().st_size
    return CutSummary(out, index, scaled, time.monotonic() - started, size)


def _cut_all(
    layout: Layout,
    items: Sequence[tuple[Split, Item]],
    frame: tuple[int, int],
    rules: Mapping[str, Any],
    workers: int,
) -> Iterator[_Cut]:
    """The images in order, some read ahead; the first one that is wrong raises its `UserError`."""

    def cut(split: Split, item: Item) -> _Cut:
        sample = layout.read(item)
        label, photo, scaled = _at_frame(sample, frame)
        regions = regions_of(label, layout.spec.num_classes, **rules)
        return _Cut(f"{split}/{item.name}", label, photo, regions, scaled)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        ahead: deque[Future[_Cut]] = deque()
        try:
            for split, item in items:
                ahead.append(pool.submit(cut, split, item))
                if len(ahead) > IN_FLIGHT * max(1, workers):
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for waiting in ahead:
                waiting.cancel()


def _at_frame(sample: Sample, frame: tuple[int, int]) -> tuple[NDArray, NDArray[np.uint8], bool]:
    """Label and photo of the frame's size, and whether they were scaled."""
    if sample.label is None or sample.photo is None:
        raise UserError(
            f"'{sample.name}' has no photo, so there is nothing to cut out: choose a split with photos "
            "(--splits)"
        )
    label, photo = resize("label", sample.label, *frame), resize("photo", sample.photo, *frame)
    return label, photo, sample.size != frame


def _label_spec(layout: Layout) -> ConditionSpec:
    spec = layout.spec
    if spec.kind != "label":
        raise UserError(
            f"{layout.title} has conditions of the kind '{spec.kind}'; a memory bank is cut by label maps. "
            "Choose a data set of those, or read the conditions as such: data.layout.condition=label"
        )
    return spec


def _require_frame(height: int, width: int) -> None:
    for name, side in (("height", height), ("width", width)):
        if not LEAST_SIDE <= side <= MAX_SIDE:
            raise UserError(f"data.{name}={side}: a bank's images have {LEAST_SIDE} to {MAX_SIDE} pixels")


def _require_free(out: Path, overwrite: bool) -> None:
    """Before hours of work: a bank is replaced where that was asked for, anything else never."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / INDEX).is_file():
        raise UserError(f"out={out} is there and is no memory bank: choose a folder that is not there yet")
    if not overwrite:
        raise UserError(f"out={out} is a memory bank already: choose another folder, or use --overwrite")


def describe_scaling(summary: CutSummary) -> str:
    """A sentence where images were not of the frame's size; empty where all were."""
    if not summary.scaled:
        return ""
    index = summary.index
    return (
        f"{counted(summary.scaled, 'image')} of {index.images} had another size and "
        f"{'was' if summary.scaled == 1 else 'were'} scaled to {index.width} x {index.height}"
    )
