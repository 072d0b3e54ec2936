"""ADE20K, the scene-parsing benchmark."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.layout import Item, LabelLayout, Split
from asap_lightning.data.layouts.folders import items_from_folders

CLASSES = 150


class Ade20k(LabelLayout):
    """ADE20K: ids 1..150 become classes 0..149; 0 ('other') is 'unknown': 151 channels.

    Validation and test use the same pairs.

    Args:
        root: the folder that holds ``images`` and ``annotations``.
        instances: must be False: there are no instance maps.
    """

    title: ClassVar[str] = "ADE20K"
    config: ClassVar[str] = "ade20k"
    expected: ClassVar[str] = (
        "  images/{training,validation}/NAME.jpg       photos\n"
        "  annotations/{training,validation}/NAME.png  label maps (0 = other, 1..150)"
    )

    def __init__(self, root: str | os.PathLike[str], *, instances: bool = False) -> None:
        super().__init__(root, instances=instances)
        values = {0: CLASSES} | {class_id + 1: class_id for class_id in range(CLASSES)}
        self.labels = LabelFormat(CLASSES, has_unknown=True, unknown=0, values=values, fixed=True)

    @classmethod
    def matches(cls, root: Path) -> bool:
        return (root / "images").is_dir() and (root / "annotations").is_dir()

    def find(self, split: Split) -> list[Item]:
        if not self.matches(self.root):
            raise self.wrong_root("images/ and annotations/ are not both there")
        folder = "training" if split == "train" else "validation"
        return items_from_folders(self, self.root / "annotations" / folder, self.root / "images" / folder)
