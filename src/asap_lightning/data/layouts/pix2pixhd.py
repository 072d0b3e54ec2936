"""pix2pixHD's folders."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from asap_lightning.data.layout import AnyConditionLayout, Item, Split
from asap_lightning.data.layouts.folders import items_from_folders


class Pix2PixHDFolders(AnyConditionLayout):
    """``{train,test}_label``, ``_inst``, ``_img`` for label maps; ``{train,test}_A``, ``_B`` for pictures.

    Validation uses ``val_*`` if it is there, else ``test_*``; the test split the reverse, and may lack
    photos. The arguments are those of `AnyConditionLayout`: ``condition=label`` reads ``_label`` and ``_img``
    (or ``_A`` and ``_B`` if only those are there), every other condition ``_A`` and ``_B``.
    """

    title: ClassVar[str] = "pix2pixHD folders"
    config: ClassVar[str] = "pix2pixhd_folders"
    expected: ClassVar[str] = (
        "  {train,test}_label/NAME.png, {train,test}_img/NAME.jpg  label maps and photos\n"
        "  {train,test}_inst/NAME.png  instance maps (for data.instance_edges=true)\n"
        "or {train,test}_A/NAME.png, {train,test}_B/NAME.jpg  pictures and photos "
        "(data.layout.condition=image)"
    )
    has_instances: ClassVar[bool] = True

    @classmethod
    def matches(cls, root: Path) -> bool:
        labels = (root / "train_label").is_dir() and (root / "train_img").is_dir()
        return (root / "train_A").is_dir() or (labels and (root / "test_label").is_dir())

    def find(self, split: Split) -> list[Item]:
        order = {"train": ("train",), "val": ("val", "test"), "test": ("test", "val")}[split]
        for prefix in order:
            for condition, photo in self._suffixes:
                if (self.root / f"{prefix}_{condition}").is_dir():
                    return items_from_folders(
                        self,
                        condition=self.root / f"{prefix}_{condition}",
                        photo=self.root / f"{prefix}_{photo}",
                        instance=self.root / f"{prefix}_inst",
                        photo_optional=split == "test",
                    )
        folders = [f"{prefix}_{suffix}/" for prefix in order for suffix, _ in self._suffixes]
        raise self.wrong_root(f"there is no {' or '.join(folders)}")

    @property
    def _suffixes(self) -> tuple[tuple[str, str], ...]:
        pictures = ("A", "B")
        return (("label", "img"), pictures) if self.condition == "label" else (pictures,)
