"""Plain folders: ``A/`` (conditions) and ``B/`` (photos)."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, ClassVar

from asap_lightning.data.finding import has_images
from asap_lightning.data.layout import AnyConditionLayout, Item, Layout, Split
from asap_lightning.data.layouts.matching import by_stem, pair, require_folder_with_images
from asap_lightning.errors import UserError
from asap_lightning.wording import counted

_SPLIT_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("train",),
    "val": ("val", "validation", "test"),
    "test": ("test", "val", "validation"),
}


class TwoFolders(AnyConditionLayout):
    """``A/NAME.*`` is translated into ``B/NAME.*``; or ``{train,val,test}/A`` and ``.../B``.

    Without folders for the splits, the first ``test_share`` of the names in order is both the validation
    and the test set, and the rest is the training set.

    Args:
        root: the folder that holds ``A`` and ``B`` (or ``train/A`` and so on).
        condition: ``image`` by default; as in `AnyConditionLayout`, like the other arguments.
        direction: ``AtoB`` or ``BtoA``.
        test_share: share of the pairs that is put aside for validation; at least one pair.
        **options: as in `AnyConditionLayout`.
    """

    title: ClassVar[str] = "folders A and B"
    config: ClassVar[str] = "folders"
    expected: ClassVar[str] = (
        "  A/NAME.png  conditions (pictures, label maps or depth maps)\n"
        "  B/NAME.jpg  photos\n"
        "or {train,val,test}/A/NAME.png and {train,val,test}/B/NAME.jpg"
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        condition: str = "image",
        direction: str = "AtoB",
        test_share: float = 0.1,
        **options: Any,
    ) -> None:
        super().__init__(root, condition=condition, **options)
        require_direction(direction)
        if not 0 < test_share < 1:
            raise UserError(f"data.layout.test_share={test_share}: a number between 0 and 1 was expected")
        self.source, self.target = ("A", "B") if direction == "AtoB" else ("B", "A")
        self.test_share = test_share

    @classmethod
    def matches(cls, root: Path) -> bool:
        return any((folder / "A").is_dir() and (folder / "B").is_dir() for folder in (root, root / "train"))

    def find(self, split: Split) -> list[Item]:
        if not self.matches(self.root):
            raise self.wrong_root("there are no folders A/ and B/")
        if not (self.root / "A").is_dir():
            return self._pairs(self._split_folder(split), photo_optional=split == "test")
        items = self._pairs(self.root)
        if len(items) < 2:
            raise UserError(
                f"{self.root} holds {counted(len(items), 'pair')}; at least 2 are needed to train and test"
            )
        count = min(max(1, math.ceil(len(items) * self.test_share)), len(items) - 1)
        return items[count:] if split == "train" else items[:count]

    def _split_folder(self, split: Split) -> Path:
        for name in _SPLIT_FOLDERS[split]:
            if (self.root / name / self.source).is_dir():
                return self.root / name
        raise UserError(
            f"{self.root} has no {' or '.join(f'{n}/{self.source}/' for n in _SPLIT_FOLDERS[split])}: "
            f"the split '{split}' is missing. Put some pairs aside for it"
        )

    def _pairs(self, folder: Path, photo_optional: bool = False) -> list[Item]:
        return items_from_folders(
            self, folder / self.source, folder / self.target, photo_optional=photo_optional
        )


def require_direction(direction: str) -> None:
    """A `UserError` unless it is ``AtoB`` or ``BtoA``."""
    if direction not in ("AtoB", "BtoA"):
        raise UserError(f"data.layout.direction={direction}: 'AtoB' or 'BtoA' was expected")


def items_from_folders(
    layout: Layout,
    condition: Path,
    photo: Path,
    instance: Path | None = None,
    photo_optional: bool = False,
) -> list[Item]:
    """Pairs from one folder a role, joined by file name.

    Args:
        layout: decides which suffixes conditions have, and whether instance maps are wanted.
        condition: the folder of conditions.
        photo: the folder of photos.
        instance: the folder of instance maps.
        photo_optional: whether the folder of photos may be missing or empty.
    """
    suffixes = getattr(layout, "suffixes", None)
    require_folder_with_images(condition, "conditions", suffixes)
    roles = {"conditions": by_stem(condition, suffixes)}
    with_photos = not photo_optional or has_images(photo)
    if with_photos:
        require_folder_with_images(photo, "photos")
        roles["photos"] = by_stem(photo)
    if layout.instances:
        roles["instance maps"] = _instances(instance)
    pairs = pair(roles)
    return [
        Item(name, files["conditions"], photo=files.get("photos"), instance=files.get("instance maps"))
        for name, files in pairs.items()
    ]


def _instances(folder: Path | None) -> dict[str, Path]:
    if folder is None or not has_images(folder):
        raise UserError(
            f"data.instance_edges=true, but there are no instance maps in {folder}: add them, or train "
            "without instance edges: data.instance_edges=false"
        )
    return by_stem(folder)
