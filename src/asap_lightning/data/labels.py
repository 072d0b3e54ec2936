"""What the numbers or colours in a label file mean, and their mapping to class ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.palette_match import Palette, parse_palette, parse_tolerance, unmatched_colours
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError

UNKNOWN = 255
_INVALID = -1


@dataclass(frozen=True)
class LabelFormat:
    """How label files of a data set are to be understood.

    Attributes:
        num_classes: number of classes, without 'unknown'.
        has_unknown: whether an id outside the classes stands for 'unknown' (the last channel).
        unknown: the id that stands for it in the files.
        values: file id -> class id, for files whose ids are not 0..num_classes-1, such as a binary
            mask of 0 and 255 (``{0: 0, 255: 1}``). Ids that are not named are errors. A class id
            equal to ``num_classes`` means 'unknown'.
        palette: class id -> colour (r, g, b), for label maps whose colours stand for classes: a list in
            the order of the classes, or a mapping. A colour for class ``num_classes`` means 'unknown'.
        palette_tolerance: greatest RGB distance from a colour of the palette; of several the nearest counts.
            Pixels of other colours are 'unknown' if ``has_unknown``, else an error. With 0, colours are
            exact and every other colour is an error.
        class_names: names of the classes; may be empty.
        fixed: whether the data set defines the classes, so that no option can change them.
        keys: where values, palette and tolerance are set, for messages.
    """

    num_classes: int
    has_unknown: bool = False
    unknown: int = UNKNOWN
    values: Mapping[int, int] | None = None
    palette: Sequence[Sequence[int]] | Mapping[int, Sequence[int]] | None = None
    palette_tolerance: float = 0.0
    class_names: tuple[str, ...] = ()
    fixed: bool = False
    keys: str = "data.layout"

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise UserError(
                f"data.layout.num_classes={self.num_classes}: a label map needs at least one class"
            )
        if self.values is not None:
            object.__setattr__(self, "values", {int(k): int(v) for k, v in self.values.items()})
            self._require_classes("label_values", self.values.values())
        tolerance = parse_tolerance(self.palette_tolerance, f"{self.keys}.palette_tolerance")
        if self.palette is not None:
            object.__setattr__(self, "palette", parse_palette(self.palette, f"{self.keys}.palette"))
            self._require_classes("palette", self.palette)
            if self.values is not None:
                raise UserError(
                    f"{self.keys}.palette and {self.keys}.label_values are both set: label files hold "
                    "colours or ids. Leave one of the two out"
                )
        elif tolerance:
            raise UserError(
                f"{self.keys}.palette_tolerance={tolerance:g} without {self.keys}.palette: give the colours "
                "of the classes ('asap data palette' lists those of a data set), or leave it out"
            )

    def _require_classes(self, option: str, classes: Any) -> None:
        outside = sorted({c for c in classes if not 0 <= c < self.channels})
        if outside:
            raise UserError(
                f"{self.keys}.{option} names class {outside[0]}, but there are {self.channels} channels "
                f"(data.layout.num_classes={self.num_classes}, has_unknown={self.has_unknown})"
            )

    @property
    def channels(self) -> int:
        """Number of label channels, with 'unknown'."""
        return self.num_classes + int(self.has_unknown)

    @property
    def dtype(self) -> type[np.uint8] | type[np.int32]:
        """The smallest of uint8 and int32 that holds every channel."""
        return np.uint8 if self.channels <= 256 else np.int32

    @cached_property
    def _table(self) -> NDArray[np.int32]:
        """Class id of the file ids 0..255; -1 where there is none."""
        table = np.full(256, _INVALID, np.int32)
        if self.values is not None:
            for value, class_id in self.values.items():
                if 0 <= value < 256:
                    table[value] = class_id
        else:
            table[: min(self.num_classes, 256)] = np.arange(min(self.num_classes, 256))
        if self.has_unknown and 0 <= self.unknown < 256 and table[self.unknown] == _INVALID:
            table[self.unknown] = self.num_classes
        return table

    def from_ids(self, ids: NDArray, path: Source) -> NDArray:
        """Class ids (H, W) from the ids of a file; a `UserError` for ids that mean nothing."""
        if ids.dtype == np.uint8:
            present = np.bincount(ids.reshape(-1), minlength=256)
            bad = np.flatnonzero((present > 0) & (self._table == _INVALID))
            if bad.size:
                raise self._outside(path, bad, present[bad], ids)
            if self.dtype == np.uint8 and (self._table[present > 0] == np.flatnonzero(present)).all():
                return ids
            return np.take(self._table.astype(self.dtype), ids, mode="clip")
        mapped = self._map_wide(ids)
        wrong = mapped == _INVALID
        if wrong.any():
            bad, counts = np.unique(ids[wrong], return_counts=True)
            raise self._outside(path, bad, counts, ids)
        return mapped.astype(self.dtype)

    def _map_wide(self, ids: NDArray) -> NDArray[np.int32]:
        """As `from_ids` for 16- and 32-bit ids, with -1 for what has no meaning."""
        ids = ids.astype(np.int64)
        if self.values is not None:
            mapped = np.full(ids.shape, _INVALID, np.int32)
            for value, class_id in self.values.items():
                mapped[ids == value] = class_id
        else:
            mapped = np.where((ids >= 0) & (ids < self.num_classes), ids, _INVALID).astype(np.int32)
        if self.has_unknown:
            stands_for_unknown = (ids == self.unknown) | (ids == -1) | (ids == 65535)
            mapped[stands_for_unknown & (mapped == _INVALID)] = self.num_classes
        return mapped

    @cached_property
    def _colours(self) -> Palette:
        assert isinstance(self.palette, Mapping)
        return Palette(self.palette, self.palette_tolerance)  # type: ignore[arg-type]

    def from_colours(self, picture: NDArray[np.uint8], path: Source) -> tuple[NDArray, int]:
        """Class ids (H, W) from a label picture (H, W, 3) by the palette.

        Returns:
            The ids, and how many pixels became 'unknown' because no colour of the palette is near enough.

        Raises:
            UnmatchedColours: there are such pixels, and no class for them.
        """
        ids = self._colours.match(picture)
        wrong = ids == _INVALID
        unmatched = int(wrong.sum())
        if unmatched:
            if not (self.palette_tolerance and self.has_unknown):
                raise unmatched_colours(path, picture, wrong, self._colours, self.keys)
            ids[wrong] = self.num_classes
        return ids.astype(self.dtype), unmatched

    def _outside(self, path: Source, bad: NDArray, counts: NDArray, ids: NDArray) -> UserError:
        listed = ", ".join(f"{i} ({n} pixels)" for i, n in zip(bad[:8], counts[:8], strict=True))
        more = f" and {bad.size - 8} more" if bad.size > 8 else ""
        return UserError(
            f"{path}: label {'ids' if bad.size > 1 else 'id'} {listed}{more} outside the classes: "
            f"the ids must be {self._known()}. {self._advice(bad, ids)}"
        )

    def _known(self) -> str:
        """The ids that have a meaning, in words."""
        if self.values is not None:
            known = sorted(self.values)
            if known == list(range(known[0], known[-1] + 1)):
                return f"{known[0]}..{known[-1]}"
            return f"one of {', '.join(map(str, known))} ({self.keys}.label_values)"
        unknown = f" or {self.unknown} (unknown)" if self.has_unknown else ""
        return f"0..{self.num_classes - 1} (num_classes={self.num_classes}){unknown}"

    def _advice(self, bad: NDArray, ids: NDArray) -> str:
        """What the user may do about ids without a meaning."""
        present = np.unique(ids)
        if ids.dtype != np.uint8 and present.max() > UNKNOWN:
            return (
                f"This is a {8 * ids.itemsize}-bit file with ids up to {present.max()}, where an 8-bit label "
                "map is "
                "meant. It looks like an instance map (class * 1000 + number) or a depth map: give the file "
                "with "
                "the class ids instead"
            )
        needed = int(bad[bad != UNKNOWN].max()) + 1 if (bad != UNKNOWN).any() else self.num_classes
        if set(present.tolist()) == {0, UNKNOWN}:
            advice = (
                "The file holds only 0 and 255, as a binary mask does: set "
                f"'{self.keys}.label_values={{0:0,255:1}}' "
                "and data.layout.num_classes=2"
            )
        elif bad.size == 1 and bad[0] == UNKNOWN and not self.has_unknown:
            advice = (
                "If 255 stands for 'unknown' in this data set, set data.layout.has_unknown=true; "
                "it becomes a channel of its own"
            )
        elif self.values is not None:
            advice = f"Add them to {self.keys}.label_values or correct the file"
        else:
            advice = (
                f"Correct the file, or set data.layout.num_classes={needed} if there are that many classes"
            )
        if self.fixed:
            return (
                "This data set defines its classes, so correct the file; a data set of your own is read with "
                "data=spade_folders and its data.layout.num_classes, has_unknown, label_values"
            )
        return advice
