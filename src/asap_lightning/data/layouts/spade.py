"""SPADE's folders: COCO-Stuff and custom data sets."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from asap_lightning.data.layout import AnyConditionLayout, Item, Split
from asap_lightning.data.layouts.folders import items_from_folders
from asap_lightning.errors import UserError


class SpadeFolders(AnyConditionLayout):
    """``{train,val,test}_{label,img,inst}/NAME.{png,jpg}``.

    Where there is no ``test_label``, the test split is the validation split, and the reverse. The
    arguments are those of `AnyConditionLayout`.
    """

    title: ClassVar[str] = "SPADE folders"
    config: ClassVar[str] = "spade_folders"
    expected: ClassVar[str] = (
        "  {train,val}_label/NAME.png  label maps\n"
        "  {train,val}_img/NAME.jpg    photos\n"
        "  {train,val}_inst/NAME.png   instance maps (for data.instance_edges=true)"
    )
    has_instances: ClassVar[bool] = True

    @classmethod
    def matches(cls, root: Path) -> bool:
        return (root / "train_label").is_dir() and (root / "train_img").is_dir() and not _is_pix2pixhd(root)

    def find(self, split: Split) -> list[Item]:
        prefix = self._prefix(split)
        return items_from_folders(
            self,
            condition=self.root / f"{prefix}_label",
            photo=self.root / f"{prefix}_img",
            instance=self.root / f"{prefix}_inst",
            photo_optional=split == "test",
        )

    def _prefix(self, split: Split) -> str:
        order = {"train": ("train",), "val": ("val", "test"), "test": ("test", "val")}[split]
        for prefix in order:
            if (self.root / f"{prefix}_label").is_dir():
                return prefix
        if not (self.root / "train_label").is_dir():
            raise self.wrong_root("there is no train_label/")
        raise UserError(
            f"{self.root} has no {' or '.join(f'{prefix}_label/' for prefix in order)}: "
            f"the split '{split}' is missing. Put some pairs aside for it"
        )


def _is_pix2pixhd(root: Path) -> bool:
    return (root / "test_label").is_dir() and not (root / "val_label").is_dir()
