"""One pair of a data set as it was read from files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.header import Header, read_header
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError

ARRAYS = ("label", "image", "depth", "instance", "photo", "canvas")


@dataclass(frozen=True)
class Sample:
    """A condition and its photo, NumPy, height and width first.

    Attributes:
        name: unique in its split and usable as a file stem.
        label: (H, W) uint8 or int32, class ids in [0, label_channels): validated, and 'unknown' is
            already the last channel.
        image: (H, W, C) uint8, an RGB or grey condition.
        depth: (H, W) float32 in [-1, 1].
        instance: (H, W) int32; only the borders between ids matter.
        photo: (H, W, 3) uint8; None where a split has conditions alone.
        canvas: (H, W, 4) uint8: pieces of other photos, RGB and then 255 where there is a piece and 0 where
            there is none; RGB is of no account there.
        paths: the file that each array came from, by the array's name.
        unmatched: pixels whose colour no palette entry is near to, and which are 'unknown' therefore; None
            where no colours were looked up.
        valid: height and width of the real content, anchored top left; None means all of it.
        exemplar: the pair whose photo shows the style; of the same name where it is this one, distorted.
    """

    name: str
    label: NDArray | None = None
    image: NDArray[np.uint8] | None = None
    depth: NDArray[np.float32] | None = None
    instance: NDArray[np.int32] | None = None
    photo: NDArray[np.uint8] | None = None
    canvas: NDArray[np.uint8] | None = None
    paths: dict[str, Source] = field(default_factory=dict)
    unmatched: int | None = None
    valid: tuple[int, int] | None = None
    exemplar: Sample | None = None

    def __post_init__(self) -> None:
        if self.label is None and self.image is None and self.depth is None:
            raise ValueError(f"sample '{self.name}' has no condition: no label, image or depth")

    @property
    def arrays(self) -> dict[str, NDArray]:
        """The arrays that are present, by name."""
        return {name: array for name in ARRAYS if (array := getattr(self, name)) is not None}

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        shape = next(iter(self.arrays.values())).shape
        return shape[0], shape[1]

    def map(self, function: Callable[[str, NDArray], NDArray]) -> Sample:
        """A copy with ``function(name, array)`` applied to every array that is present."""
        changed: dict[str, Any] = {name: function(name, array) for name, array in self.arrays.items()}
        return replace(self, **changed)

    def require_equal_sizes(self) -> Sample:
        """This sample; a `UserError` naming both files if two of its arrays differ in size."""
        first, *others = self.arrays.items()
        for name, array in others:
            if array.shape[:2] != first[1].shape[:2]:
                raise UserError(
                    f"the files of pair '{self.name}' differ in size: "
                    f"{self._describe(*first)}, but {self._describe(name, array)}. "
                    "Both must cover the same pixels: "
                    + (
                        self._turned_apart(first[0], name)
                        or "resize or crop one of the files to match the other"
                    )
                )
        return self

    def _describe(self, name: str, array: NDArray) -> str:
        turn = header.turn if (header := self._header(name)) is not None else ""
        return f"{name} {self.paths.get(name, '')} is {array.shape[1]} x {array.shape[0]} (width x height" + (
            f", {turn} as its EXIF orientation says)" if turn else ")"
        )

    def _header(self, name: str) -> Header | None:
        return read_header(self.paths[name]) if name in self.paths else None

    def _turned_apart(self, one: str, other: str) -> str:
        """What to do where the files would fit if their EXIF orientations were left out."""
        headers = self._header(one), self._header(other)
        if headers[0] is None or headers[1] is None:
            return ""
        if (headers[0].width, headers[0].height) != (headers[1].width, headers[1].height):
            return ""
        turned = [n for n, header in zip((one, other), headers, strict=True) if header and header.turn]
        if not turned:
            return ""
        name = turned[-1]
        return (
            f"the {name} carries a rotation that the other file lacks. If they fit as their pixels are "
            f"stored, remove the tag: exiftool -Orientation= '{self.paths[name]}'"
        )
