"""pix2pix pairs: A and B side by side in one file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from asap_lightning.data.finding import has_images, image_files
from asap_lightning.data.layout import SPLITS, AnyConditionLayout, Item, Split
from asap_lightning.data.layouts.folders import require_direction
from asap_lightning.data.layouts.matching import by_stem
from asap_lightning.data.layouts.shapes import (
    Shape,
    doubt_of_pair,
    far_narrower,
    looks_like_half,
    usual_shape,
)
from asap_lightning.data.reading import grey_array, label_array, open_image, photo_array
from asap_lightning.data.sample import Sample
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError

_FOLDERS: dict[Split, tuple[Split, ...]] = {
    "train": ("train",),
    "val": ("val", "test"),
    "test": ("test", "val"),
}


class SideBySide(AnyConditionLayout):
    """``{train,val,test}/NAME.jpg``, each file A | B of equal width.

    Where there is no ``val``, validation uses ``test``, and the reverse.

    Args:
        root: the folder of the splits.
        direction: ``AtoB``: the left half is translated into the right half; ``BtoA``: the reverse.
        condition: ``image``, ``grey``, or ``label`` for halves that are label maps, whose colours ``palette``
            explains (for JPEG files with ``palette_tolerance``).
        same_shape: whether files, or a whole split, half as wide for their height as the others are refused:
            they look like single pictures.
        **options: as in `AnyConditionLayout`.
    """

    title: ClassVar[str] = "pix2pix pairs"
    config: ClassVar[str] = "pairs"
    expected: ClassVar[str] = "  {train,val,test}/NAME.jpg  A | B side by side, both of the same width"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        direction: str = "AtoB",
        condition: str = "image",
        same_shape: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(root, condition=condition, **options)
        require_direction(direction)
        if condition == "depth":
            raise UserError("data.layout.condition=depth: side-by-side files hold pictures; use data=folders")
        self.direction, self.same_shape = direction, same_shape
        self._shape: Shape | None = None
        self._shapes: dict[Split, Shape] = {}

    @classmethod
    def matches(cls, root: Path) -> bool:
        train = root / "train"
        if not train.is_dir() or not any((root / name).is_dir() for name in ("val", "test")):
            return False
        return any(p.is_file() for p in train.iterdir()) and has_images(train)

    def find(self, split: Split) -> list[Item]:
        for name in _FOLDERS[split]:
            if has_images(self.root / name):
                files = by_stem(self.root / name)
                self._compare_shapes(name)
                return [Item(stem, path, photo=path) for stem, path in sorted(files.items())]
        raise self.wrong_root(f"there are no images in {' or '.join(f'{n}/' for n in _FOLDERS[split])}")

    def _compare_shapes(self, folder: Split) -> None:
        """A `UserError` if a split's files are far narrower than those of another split."""
        if not self._shapes:
            found = {name: usual_shape(image_files(self.root / name)) for name in SPLITS}
            self._shapes = {name: shape for name, shape in found.items() if shape is not None}
        shapes = self._shapes
        if folder not in shapes:
            return
        widest = max(shapes, key=lambda name: shapes[name].ratio)
        self._shape = shapes[widest]
        if self.same_shape and far_narrower(shapes[folder], self._shape):
            raise UserError(
                f"{self.root / folder}: the files are {shapes[folder]} (width x height), those of {widest}/ "
                f"{self._shape}: these look like single pictures, where A | B side by side was expected. Put "
                "pairs there; or take them as they are with data.layout.same_shape=false"
            )
        if doubt := doubt_of_pair(self._shape):
            self.warn(f"{self.root}: {doubt}")

    def _require_shape(self, image: Image.Image, path: Source) -> None:
        shape = Shape(*image.size)
        if self.same_shape and self._shape is not None and looks_like_half(shape, self._shape):
            raise UserError(
                f"{path} is {shape} (width x height), half as wide for its height as the others "
                f"({self._shape}): it looks like a single picture, where A | B side by side was expected. "
                "Remove it; or take it as it is with data.layout.same_shape=false"
            )

    def read(self, item: Item) -> Sample:
        source, target = self._source_and_target(item)
        photo = photo_array(target, item.condition)
        if self.condition == "label":
            paths = {"label": item.condition, "photo": item.condition}
            label, unmatched = label_array(source, item.condition, self.labels)
            return Sample(item.name, label=label, photo=photo, paths=paths, unmatched=unmatched)
        to_array = grey_array if self.condition == "grey" else photo_array
        condition = to_array(source, item.condition)
        paths = {"image": item.condition, "photo": item.condition}
        return Sample(item.name, image=condition, photo=photo, paths=paths)

    def label_image(self, item: Item) -> Image.Image:
        return self._source_and_target(item)[0]

    def _source_and_target(self, item: Item) -> tuple[Image.Image, Image.Image]:
        image = open_image(item.condition)
        self._require_shape(image, item.condition)
        left, right = halves(image, item.condition)
        return (left, right) if self.direction == "AtoB" else (right, left)


def halves(image: Image.Image, path: Source) -> tuple[Image.Image, Image.Image]:
    """The left and right half; a `UserError` if the width is odd."""
    width, height = image.size
    if width % 2:
        raise UserError(
            f"{path} is {width} pixels wide: two pictures of equal width side by side were expected, "
            "so the width must be even"
        )
    return image.crop((0, 0, width // 2, height)), image.crop((width // 2, 0, width, height))
