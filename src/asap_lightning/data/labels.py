"""What the numbers or colours in a label file mean, and their mapping to class ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        palette: class id -> colour (r, g, b), for label maps stored as RGB pictures: a list in the
            order of the classes, or a mapping. A colour for class ``num_classes`` means 'unknown'.
        class_names: names of the classes; may be empty.
        fixed: whether the data set defines the classes, so that no option can change them.
    """

    num_classes: int
    has_unknown: bool = False
    unknown: int = UNKNOWN
    values: Mapping[int, int] | None = None
    palette: Sequence[Sequence[int]] | Mapping[int, Sequence[int]] | None = None
    class_names: tuple[str, ...] = ()
    fixed: bool = False

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise UserError(
                f"data.layout.num_classes={self.num_classes}: a label map needs at least one class"
            )
        if self.values is not None:
            object.__setattr__(self, "values", {int(k): int(v) for k, v in self.values.items()})
            self._require_classes("label_values", self.values.values())
        if self.palette is not None:
            pairs = self.palette.items() if isinstance(self.palette, Mapping) else enumerate(self.palette)
            object.__setattr__(self, "palette", {int(k): _colour(v) for k, v in pairs})
            self._require_classes("palette", self.palette)

    def _require_classes(self, option: str, classes: Any) -> None:
        outside = sorted({c for c in classes if not 0 <= c < self.channels})
        if outside:
            raise UserError(
                f"data.layout.{option} names class {outside[0]}, but there are {self.channels} channels "
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

    def from_colours(self, picture: NDArray[np.uint8], path: Source) -> NDArray:
        """Class ids (H, W) from an RGB label picture (H, W, 3), by the palette."""
        assert isinstance(self.palette, Mapping)
        codes = _pack(picture)
        mapped = np.full(codes.shape, _INVALID, np.int32)
        for class_id, colour in self.palette.items():
            mapped[codes == _pack(np.array(colour, np.uint8))] = class_id
        wrong = mapped == _INVALID
        if wrong.any():
            raise self._unlisted_colours(path, codes[wrong], codes.size)
        return mapped.astype(self.dtype)

    def _unlisted_colours(self, path: Source, codes: NDArray, total: int) -> UserError:
        found, counts = np.unique(codes, return_counts=True)
        order = np.argsort(-counts)[:5]
        listed = ", ".join(
            f"({found[i] >> 16}, {found[i] >> 8 & 255}, {found[i] & 255}): {counts[i]} pixels" for i in order
        )
        more = f" and {found.size - 5} more" if found.size > 5 else ""
        hint = (
            "many colours usually mean a JPEG or a smoothly resized file: save label maps as PNG, "
            "resized with nearest neighbour"
            if found.size > 64
            else "add them to data.layout.palette"
        )
        return UserError(
            f"{path}: {codes.size} of {total} pixels have a colour that data.layout.palette does not "
            f"list: {listed}{more}. {hint[0].upper()}{hint[1:]}"
        )

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
            return f"one of {', '.join(map(str, known))} (data.layout.label_values)"
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
                "'data.layout.label_values={0:0,255:1}' "
                "and data.layout.num_classes=2"
            )
        elif bad.size == 1 and bad[0] == UNKNOWN and not self.has_unknown:
            advice = (
                "If 255 stands for 'unknown' in this data set, set data.layout.has_unknown=true; "
                "it becomes a channel of its own"
            )
        elif self.values is not None:
            advice = "Add them to data.layout.label_values or correct the file"
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


def _colour(value: Sequence[int]) -> tuple[int, int, int]:
    colour = tuple(int(channel) for channel in value)
    if len(colour) != 3 or not all(0 <= channel <= 255 for channel in colour):
        raise UserError(
            "data.layout.palette: a colour is three numbers from 0 to 255, red, green, blue; got "
            f"{list(value)}"
        )
    return colour[0], colour[1], colour[2]


def _pack(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Colours (..., 3) as one integer each."""
    wide = colours.astype(np.int32)
    return (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
