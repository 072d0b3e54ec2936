"""Writing a memory bank, with memory for one image at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.files import sha256_of
from asap_lightning.segments import bank_files as files
from asap_lightning.segments.bank_files import BankIndex
from asap_lightning.segments.descriptors import CELLS, context, context_type, coverage, shape
from asap_lightning.segments.regions import Region

ROWS_AT_ONCE = 65_536


class BankWriter:
    """Writes segments, image by image, into a folder; `finish` sorts them by class and writes the index.

    Args:
        folder: that is made.
        spec: of the layouts.
        frame: height and width of every image.
        min_area: pixels of the smallest segment.
        min_thickness: see `regions_of`.
        join: classes that are joined to others.
    """

    def __init__(
        self,
        folder: Path,
        spec: ConditionSpec,
        frame: tuple[int, int],
        *,
        min_area: int,
        min_thickness: int = 1,
        join: Sequence[int] = (),
    ) -> None:
        folder.mkdir(parents=True)
        self.folder, self.spec, self.frame = folder, spec, frame
        self.min_area, self.min_thickness, self.join = min_area, min_thickness, tuple(join)
        self._context = context_type(spec.label_channels)
        self.images: list[str] = []
        self.segments = 0
        self._open: dict[str, IO[bytes]] = {
            name: self._path(name).open("wb")
            for name in (files.TABLE, files.COVERAGE, files.CONTEXT, files.MASKS, files.COLOURS)
        }
        self._at = {files.MASKS: 0, files.COLOURS: 0}

    def _path(self, name: str) -> Path:
        """Of a file while it is written: rows come by image, and are sorted at the end."""
        unsorted = name in (files.TABLE, files.COVERAGE, files.CONTEXT)
        return self.folder / (f"{name}.unsorted" if unsorted else name)

    def add(self, name: str, label: NDArray, photo: NDArray[np.uint8], regions: Sequence[Region]) -> None:
        """Adds the segments of one image.

        Args:
            name: of the image, unique.
            label: (H, W) of the frame's size, for the context.
            photo: (H, W, 3).
            regions: of the layout.
        """
        rows = np.zeros(len(regions), files.ROW)
        for row, region in zip(rows, regions, strict=True):
            row["class_id"], row["image"], row["area"] = region.class_id, len(self.images), region.area
            row["top"], row["left"], row["bottom"], row["right"] = region.box
            row["shape"] = shape(region.mask)
            row["mask_at"] = self._append(files.MASKS, np.packbits(region.mask))
            row["colour_at"] = self._append(files.COLOURS, photo[region.window][region.mask])
            self._open[files.COVERAGE].write(coverage(region).tobytes())
            self._open[files.CONTEXT].write(context(label, region.box, self._context).tobytes())
        self._open[files.TABLE].write(rows.tobytes())
        self.images.append(name)
        self.segments += len(regions)

    def _append(self, name: str, values: NDArray[np.uint8]) -> int:
        at = self._at[name]
        self._at[name] += self._open[name].write(values.tobytes())
        return at

    def finish(self, source: str, palette: NDArray[np.uint8]) -> BankIndex:
        """Sorts the segments by class and writes the index.

        Args:
            source: title of the data set.
            palette: (label_channels, 3) colours of the classes.

        Raises:
            UserError: there is no segment at all.
        """
        self.close()
        if not self.segments:
            raise UserError(
                f"there is no segment of at least {self.min_area} pixels in {len(self.images)} images of "
                f"{self.frame[1]} x {self.frame[0]} (width x height): lower --min-area"
            )
        with open(self.folder / files.IMAGES, "w", encoding="utf-8") as file:
            json.dump(self.images, file)
        table = self._unsorted(files.TABLE, files.ROW, ())
        order = np.argsort(table["class_id"], kind="stable")
        self._sort(files.TABLE, table, order)
        self._sort(files.COVERAGE, self._unsorted(files.COVERAGE, np.dtype(np.uint8), (CELLS,)), order)
        self._sort(files.CONTEXT, self._unsorted(files.CONTEXT, self._context, (CELLS,)), order)
        paths = {name: self.folder / name for name in files.FILES}
        index = BankIndex(
            self.spec,
            *self.frame,
            self.min_area,
            self.min_thickness,
            self.join,
            self.segments,
            len(self.images),
            source,
            tuple((int(r), int(g), int(b)) for r, g, b in palette),
            {name: path.stat().st_size for name, path in paths.items()},
            {name: sha256_of(path) for name, path in paths.items()},
        )
        with open(self.folder / files.INDEX, "w", encoding="utf-8") as file:
            json.dump(index.as_json(), file, indent=1)
        return index

    def close(self) -> None:
        """Closes the files."""
        for file in self._open.values():
            file.close()

    def _unsorted(self, name: str, dtype: np.dtype[Any], each: tuple[int, ...]) -> NDArray[Any]:
        return np.memmap(self._path(name), dtype, mode="r", shape=(self.segments, *each))

    def _sort(self, name: str, values: NDArray[Any], order: NDArray[np.int64]) -> None:
        with open(self.folder / name, "wb") as file:
            for begin in range(0, len(order), ROWS_AT_ONCE):
                file.write(values[order[begin : begin + ROWS_AT_ONCE]].tobytes())
        self._path(name).unlink()
