"""A folder of photos alone, whose conditions are computed from them."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import ClassVar

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.computed_conditions import find_maker
from asap_lightning.data.finding import has_images, image_files
from asap_lightning.data.layout import Item, Layout, Split
from asap_lightning.data.layouts.matching import by_stem
from asap_lightning.data.layouts.shapes import usual_shape
from asap_lightning.data.reading import read_photo
from asap_lightning.data.sample import Sample
from asap_lightning.errors import UserError
from asap_lightning.wording import counted


class Photos(Layout):
    """``ROOT/NAME.jpg`` or ``ROOT/{train,val,test}/NAME.jpg``; the condition is made from each photo.

    Without folders for the splits, the first ``test_share`` of the names in order is both the validation
    and the test set, and the rest is the training set.

    Args:
        root: the folder of photos.
        make: ``grey``, ``canny``, ``soft_edges``, ``low_light``, or ``onnx`` with a ``detector``.
        detector: an ONNX file, see `OnnxEdges`.
        test_share: share of the photos that is put aside for validation; at least one.
        instances: must be False.
    """

    title: ClassVar[str] = "a folder of photos"
    config: ClassVar[str] = "photos"
    joint_role: ClassVar[str] = "photo"
    expected: ClassVar[str] = "  NAME.jpg  photos, or {train,val,test}/NAME.jpg"

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        make: str = "canny",
        detector: str | os.PathLike[str] | None = None,
        test_share: float = 0.1,
        instances: bool = False,
    ) -> None:
        super().__init__(root, instances=instances)
        self.maker, self.channels = find_maker(make, detector)
        if not 0 < test_share < 1:
            raise UserError(f"data.layout.test_share={test_share}: a number between 0 and 1 was expected")
        self.test_share = test_share

    @property
    def spec(self) -> ConditionSpec:
        return ConditionSpec(kind="image", channels=self.channels)

    @classmethod
    def matches(cls, root: Path) -> bool:
        return has_images(root) or has_images(root / "train")

    def find(self, split: Split) -> list[Item]:
        if (self.root / "train").is_dir():
            names = (split,) if split == "train" else (split, "val" if split == "test" else "test")
            for name in names:
                if has_images(self.root / name):
                    return self._items_of(self.root / name)
            raise self.wrong_root(f"there are no photos in {' or '.join(names)}/")
        items = self._items_of(self.root) if has_images(self.root) else []
        if len(items) < 2:
            raise self.wrong_root(
                f"it holds {counted(len(items), 'photo')}, and at least 2 are needed to train and test"
            )
        count = min(max(1, math.ceil(len(items) * self.test_share)), len(items) - 1)
        return items[count:] if split == "train" else items[:count]

    def _items_of(self, folder: Path) -> list[Item]:
        shape = usual_shape(image_files(folder))
        if shape is not None and shape.width == 2 * shape.height:
            self.warn(
                f"{folder}: the files are {shape} (width x height), as two square pictures side by side are: "
                "if they are pairs A | B, use data=pairs"
            )
        return [Item(name, condition=path, photo=path) for name, path in by_stem(folder).items()]

    def read(self, item: Item) -> Sample:
        photo = read_photo(item.condition)
        return Sample(item.name, image=self.maker(photo), photo=photo, paths={"photo": item.condition})
