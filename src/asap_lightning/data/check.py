"""Reads every file of a data set and reports what is there and what is wrong."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.check_notes import Notes, Observation, observe
from asap_lightning.data.finding import Contents
from asap_lightning.data.formats import depth_suffixes
from asap_lightning.data.label_notes import LabelNotes, in_between
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.layout import Item, Layout, Split
from asap_lightning.data.palette_match import UnmatchedColours
from asap_lightning.data.panels import fit, sample_to_image, save_png, tile
from asap_lightning.data.sample import Sample
from asap_lightning.errors import UserError
from asap_lightning.wording import Complaint

Progress = Callable[[str, int, int], None]
"""Called with the split, the number of pairs that are done and how many there are."""

_IN_FLIGHT = 4


@dataclass(frozen=True)
class _Seen:
    """What reading a pair has shown.

    Attributes:
        item: the pair.
        sample: what was read, unless it cannot be used.
        observation: of its pictures.
        complaint: why it cannot be used.
        colours: pixels without a colour of the palette, and pixels.
        borders: of a map of ids, what `in_between` counts.
    """

    item: Item
    sample: Sample | None = None
    observation: Observation = field(default_factory=Observation)
    complaint: Complaint | None = None
    colours: tuple[int, int] | None = None
    borders: tuple[int, int] | None = None


@dataclass
class SplitReport:
    """What one split holds.

    Attributes:
        split: its name.
        pairs: number of pairs that were found.
        without_photo: how many of them have a condition alone.
        sizes: (height, width) -> number of pairs.
        pixels: (label_channels,) pixels of every class; empty for other conditions.
        images: (label_channels,) pairs in which a class occurs.
        problems: what is wrong with each pair that cannot be used, or with the whole split.
        notes: what may be wrong with pairs that can be used.
        label_notes: what may be wrong with label maps, and pixels without a colour of the palette.
        same_as: an earlier split with the same pairs, which were not read again.
    """

    split: Split
    pairs: int = 0
    without_photo: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    images: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    problems: list[Complaint] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    label_notes: LabelNotes = field(default_factory=LabelNotes)
    same_as: Split | None = None

    def add(self, seen: _Seen) -> None:
        """Counts a pair."""
        file = str(seen.item.condition)
        if seen.colours is not None:
            self.label_notes.add_colours(file, *seen.colours)
        if seen.borders is not None:
            self.label_notes.add_ids(file, *seen.borders)
        if seen.complaint is not None:
            self.problems.append(seen.complaint)
        if seen.sample is not None:
            self._add_sample(seen.sample, seen.observation)

    def _add_sample(self, sample: Sample, observation: Observation) -> None:
        self.notes.add(observation)
        self.sizes[sample.size] += 1
        self.without_photo += sample.photo is None
        if sample.label is not None:
            counts = np.bincount(sample.label.reshape(-1), minlength=len(self.pixels))
            self.pixels += counts
            self.images += counts > 0


@dataclass
class CheckReport:
    """What `check_dataset` found.

    Attributes:
        title: of the layout.
        root: where the data set lies.
        spec: what its conditions are.
        splits: a report each.
        warnings: what looks wrong without being so.
        colours: for each split with a palette, the share of the pixels that match none of its colours.
        unused: what lies there beside the pairs.
    """

    title: str
    root: str
    spec: ConditionSpec
    splits: list[SplitReport]
    warnings: list[str] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)
    unused: Contents = field(default_factory=Contents)

    @property
    def problems(self) -> list[Complaint]:
        """All problems, each named once."""
        return list(dict.fromkeys(problem for split in self.splits for problem in split.problems))

    @property
    def ok(self) -> bool:
        """Whether every pair can be used."""
        return not self.problems

    def absent_classes(self) -> list[str]:
        """Classes that occur nowhere in the training split: nothing can be learnt about them."""
        train = next((s for s in self.splits if s.split == "train" and s.pixels.size), None)
        if train is None or not train.sizes:
            return []
        missing = np.flatnonzero(train.pixels[: self.spec.num_classes] == 0)
        return [class_name(self.spec, i) for i in missing.tolist()]


def check_dataset(
    layout: Layout,
    splits: Sequence[Split] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CheckReport:
    """Reads every file of the splits, in parallel; a bad file is a line in the report, not the end.

    Args:
        layout: the data set.
        splits: what to read, by default all that the data set has; a split whose pairs are those of an
            earlier one is read once.
        workers: threads; by default one a core (decoding lets other threads run).
        progress: called after every pair.

    Raises:
        UserError: the root is missing, empty or of another layout.
    """
    layout.require_root()
    reports: list[SplitReport] = []
    known: dict[Split, list[Item]] = {}
    for split in layout.splits() if splits is None else splits:
        report = _new_report(split, layout.spec)
        reports.append(report)
        try:
            items = layout.items(split)
        except UserError as error:
            report.problems.append(Complaint(str(error)))
            continue
        report.pairs = len(items)
        report.same_as = next((other for other, pairs in known.items() if pairs == items), None)
        if report.same_as is None:
            known[split] = items
            _read_all(layout, items, report, workers, progress)
    warnings, colours = [*layout.warnings], []
    palette = _palette(layout)
    for report in reports:
        lines = [*report.notes.lines(), *report.label_notes.warnings()]
        warnings += [f"{report.split}: {line}" for line in lines]
        if palette is not None and (line := report.label_notes.colours(palette.palette_tolerance)):
            colours.append(f"{report.split}: {line}")
    complete = not any(report.problems and not report.pairs for report in reports)
    unused = _unused(layout, known, complete=complete)
    return CheckReport(layout.title, layout.address, layout.spec, reports, warnings, colours, unused)


def _palette(layout: Layout) -> LabelFormat | None:
    """The format of label files whose colours are looked up."""
    labels = getattr(layout, "labels", None)
    return labels if isinstance(labels, LabelFormat) and labels.palette is not None else None


def _unused(layout: Layout, known: Mapping[Split, Sequence[Item]], *, complete: bool) -> Contents:
    """What no split uses; where a split could not be listed, only what no split could use."""
    files = [path for items in known.values() for item in items for path in files_of_item(item)]
    contents = layout.unused(files) or Contents()
    if not complete:
        contents.others = [path for path in contents.others if path.suffix.lower() not in depth_suffixes()]
    return contents


def files_of_item(item: Item) -> list[Path]:
    """The files of a pair that are files of their own."""
    return [path for path in (item.condition, item.photo, item.instance) if isinstance(path, Path)]


def _new_report(split: Split, spec: ConditionSpec) -> SplitReport:
    pixels, images = (np.zeros(spec.label_channels, np.int64) for _ in range(2))
    return SplitReport(split, pixels=pixels, images=images)


def _read_all(
    layout: Layout,
    items: Sequence[Item],
    report: SplitReport,
    workers: int | None,
    progress: Progress | None,
) -> None:
    by_colour = _palette(layout) is not None

    def read(item: Item) -> _Seen:
        try:
            sample = layout.read(item)
        except UserError as error:
            files = (item.condition, item.photo, item.instance)
            names = tuple(str(file) for file in files if file is not None)
            colours = (error.unmatched, error.pixels) if isinstance(error, UnmatchedColours) else None
            return _Seen(item, complaint=Complaint(str(error), item.name, names), colours=colours)
        seen = _Seen(item, sample, observe(sample))
        if sample.label is None:
            return seen
        if sample.unmatched is not None:
            return replace(seen, colours=(sample.unmatched, sample.label.size))
        return seen if by_colour else replace(seen, borders=in_between(sample.label))

    threads = workers or torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        # In blocks, so that only a few decoded pairs are held in memory at a time.
        block = _IN_FLIGHT * threads
        for start in range(0, len(items), block):
            for seen in pool.map(read, items[start : start + block]):
                report.add(seen)
            if progress is not None:
                progress(report.split, min(start + block, len(items)), len(items))


def class_name(spec: ConditionSpec, class_id: int) -> str:
    """Number and, where known, name of a class."""
    if class_id == spec.num_classes:
        return f"{class_id} unknown"
    return f"{class_id} {spec.class_names[class_id]}" if spec.class_names else str(class_id)


def sample_picture(
    layout: Layout, split: Split = "train", count: int = 6, longest: int = 320
) -> NDArray[np.uint8]:
    """A grid of condition | photo of pairs spread evenly over a split, without those that cannot be read."""
    items = layout.items(split)
    chosen = np.unique(np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int))
    rows: list[list[NDArray[np.uint8]]] = []
    last_error: UserError | None = None
    for index in chosen:
        try:
            sample = layout.read(items[index])
        except UserError as error:
            last_error = error
            continue
        pictures = [sample_to_image(sample, layout.spec)] + (
            [sample.photo] if sample.photo is not None else []
        )
        rows.append([fit(picture, longest) for picture in pictures])
    if not rows:
        raise last_error or UserError(f"the split '{split}' of {layout.address} has no pairs to draw")
    return tile(rows, titles=[layout.spec.kind, "photo"][: max(map(len, rows))])


def write_sample_picture(path: str | os.PathLike[str], layout: Layout, split: Split = "train") -> None:
    """Writes `sample_picture` as PNG."""
    save_png(path, sample_picture(layout, split))
