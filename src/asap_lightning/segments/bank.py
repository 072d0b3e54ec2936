"""A memory bank on disk: segments of training images, memory-mapped.

A folder of `bank_files`: an index with sizes and checksums; the names of the images; a table with a row a
segment, sorted by class; its coverage and context grids; its mask as bits; its colours. Nothing is read into
memory but what is looked at.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.files import sha256_of
from asap_lightning.segments import bank_files as files
from asap_lightning.segments.bank_files import BankIndex, damaged, read_index
from asap_lightning.segments.descriptors import CELLS, context_type
from asap_lightning.segments.regions import Box, Mask, Region
from asap_lightning.untrusted import read_json


@dataclass(frozen=True)
class Segment:
    """A segment of the bank.

    Attributes:
        region: class, box and mask in the bank's frame.
        colours: (h, w, 3) uint8 of its box; black outside the mask.
        image: name of the image that it was cut from, ``SPLIT/NAME``.
    """

    region: Region
    colours: NDArray[np.uint8]
    image: str


class Bank:
    """A memory bank that `asap data segments` has written.

    Threads and forked processes may share one; a pickled one opens its files again.

    Args:
        folder: of the bank.

    Raises:
        UserError: no bank, one of another version, or damaged: a file of another size than the index says, a
            checksum of the table that does not fit, a row that leads outside.

    Attributes:
        index: what the bank says of itself.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).expanduser()
        self.index: BankIndex = read_index(self.folder)
        self._require_sizes()
        for name in (files.IMAGES, files.TABLE):
            self._require_digest(name)
        self.images: list[str] = self._names()
        self.table: NDArray[Any] = self._map(files.TABLE, files.ROW, (self.index.segments,))
        grid = (self.index.segments, CELLS)
        self.coverage: NDArray[np.uint8] = self._map(files.COVERAGE, np.dtype(np.uint8), grid)
        self.context: NDArray[Any] = self._map(files.CONTEXT, context_type(self.spec.label_channels), grid)
        self._masks = self._map(files.MASKS, np.dtype(np.uint8), (self.index.sizes[files.MASKS],))
        self._colours = self._map(files.COLOURS, np.dtype(np.uint8), (self.index.sizes[files.COLOURS],))
        self._require_rows()

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["folder"])  # type: ignore[misc]

    def __len__(self) -> int:
        return self.index.segments

    @property
    def spec(self) -> ConditionSpec:
        """Of the layouts that it was cut by."""
        return self.index.spec

    @property
    def frame(self) -> tuple[int, int]:
        """Height and width that every image was brought to."""
        return self.index.height, self.index.width

    @cached_property
    def _bounds(self) -> NDArray[np.int64]:
        """(num_classes + 1,) where each class begins in the table."""
        return np.searchsorted(self.table["class_id"], np.arange(self.spec.num_classes + 1))

    def of_class(self, class_id: int) -> range:
        """The numbers of a class's segments; none for what is no class."""
        if not 0 <= class_id < self.spec.num_classes:
            return range(0)
        return range(int(self._bounds[class_id]), int(self._bounds[class_id + 1]))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.images)}

    def numbers_of(self, images: Iterable[str]) -> list[int]:
        """The numbers of images by name; those that the bank has nothing of are left out."""
        return [self._numbers[name] for name in images if name in self._numbers]

    def box(self, number: int) -> Box:
        """Of a segment."""
        row = self.table[number]
        return int(row["top"]), int(row["left"]), int(row["bottom"]), int(row["right"])

    def mask(self, number: int) -> Mask:
        """(h, w) of a segment in its box.

        Raises:
            UserError: it has not as many pixels as the table says.
        """
        top, left, bottom, right = self.box(number)
        height, width = bottom - top, right - left
        at = int(self.table["mask_at"][number])
        bits = self._masks[at : at + -(-height * width // 8)]
        mask = np.unpackbits(bits, count=height * width).view(np.bool_).reshape(height, width)
        if np.count_nonzero(mask) != self.table["area"][number]:
            raise damaged(self.folder / files.MASKS, f"the mask of segment {number} has another area")
        return mask

    def region(self, number: int) -> Region:
        """Class, box and mask of a segment."""
        row = self.table[number]
        return Region(int(row["class_id"]), self.box(number), self.mask(number), int(row["area"]), self.frame)

    def pixels(self, number: int) -> NDArray[np.uint8]:
        """(area, 3) colours of a segment's pixels, row by row."""
        at, area = int(self.table["colour_at"][number]), int(self.table["area"][number])
        return np.asarray(self._colours[at : at + 3 * area]).reshape(area, 3)

    def segment(self, number: int) -> Segment:
        """All of a segment."""
        region = self.region(number)
        colours = np.zeros((*region.mask.shape, 3), np.uint8)
        colours[region.mask] = self.pixels(number)
        return Segment(region, colours, self.images[int(self.table["image"][number])])

    def require_classes(self, spec: ConditionSpec, whose: str) -> None:
        """A `UserError` unless the bank has the same classes as ``spec``, which ``whose`` names."""
        mine, theirs = self.spec, spec
        if (mine.num_classes, mine.has_unknown, theirs.kind) != (
            theirs.num_classes,
            theirs.has_unknown,
            "label",
        ):
            found = f"{theirs.label_channels} label channels" if theirs.kind == "label" else theirs.kind
            raise UserError(
                f"{self.folder} was cut by {mine.label_channels} label channels, {whose} has {found}: "
                "a bank serves the data set that it was made from. Make one with asap data segments"
            )
        pairs = zip(mine.class_names, theirs.class_names, strict=False)
        for number, (one, other) in enumerate(pairs):
            if one != other:
                raise UserError(
                    f"{self.folder} was cut by other classes: class {number} is '{one}' there, and '{other}' "
                    f"of {whose}. Make a bank of this data set with asap data segments"
                )

    def verify(self) -> None:
        """Reads every file and compares its checksum.

        Raises:
            UserError: one does not fit.
        """
        for name in files.FILES:
            self._require_digest(name)

    def _require_digest(self, name: str) -> None:
        if sha256_of(self.folder / name) != self.index.digests[name]:
            raise damaged(self.folder / name, "its checksum is not that of the index")

    def _require_sizes(self) -> None:
        for name, size in self.index.sizes.items():
            path = self.folder / name
            if not path.is_file():
                raise damaged(path, "there is no such file")
            if path.stat().st_size != size:
                raise damaged(path, f"it has {path.stat().st_size} bytes, the index says {size}")

    def _map(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        if not shape[0]:
            return np.zeros(shape, dtype)
        return np.memmap(self.folder / name, dtype, mode="r", shape=shape)

    def _names(self) -> list[str]:
        path = self.folder / files.IMAGES
        names = read_json(path, most=files.MAX_IMAGES)
        if not isinstance(names, list) or len(names) != self.index.images:
            raise damaged(path, f"a list of {self.index.images} names was expected")
        if not all(type(name) is str for name in names):
            raise damaged(path, "a name is no text")
        return names

    def _require_rows(self) -> None:
        """Every row leads to places inside the frame and the files."""
        table, (height, width) = self.table, self.frame
        sides = {side: table[side].astype(np.int64) for side in ("top", "left", "bottom", "right")}
        down, across = sides["bottom"] - sides["top"], sides["right"] - sides["left"]
        area = table["area"].astype(np.int64)
        checks: Collection[tuple[str, Any]] = (
            ("classes", np.all(np.diff(table["class_id"].astype(np.int64)) >= 0)),
            ("classes", table["class_id"][-1] < self.spec.num_classes),
            ("images", np.all(table["image"] < self.index.images)),
            ("boxes", np.all((down > 0) & (across > 0))),
            ("boxes", np.all((sides["bottom"] <= height) & (sides["right"] <= width))),
            ("areas", np.all((area > 0) & (area <= down * across))),
            ("masks", self._inside("mask_at", -(-down * across // 8), files.MASKS)),
            ("colours", self._inside("colour_at", 3 * area, files.COLOURS)),
        )
        for what, good in checks:
            if not good:
                raise damaged(self.folder / files.TABLE, f"the {what} of its rows are impossible")

    def _inside(self, column: str, length: NDArray[np.int64], name: str) -> bool:
        room = self.index.sizes[name] - length
        return bool(np.all((room >= 0) & (self.table[column] <= np.maximum(room, 0).astype(np.uint64))))
