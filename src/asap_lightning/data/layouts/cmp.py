"""CMP facades, and the built-in demo data, which has the same layout."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import ClassVar, Literal

from asap_lightning.data.finding import image_files
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.layout import Item, LabelLayout, Split
from asap_lightning.data.layouts.classes import CMP, names
from asap_lightning.data.layouts.matching import pair
from asap_lightning.errors import UserError
from asap_lightning.wording import counted

AUTHORS_TEST_COUNT = 60
_NAME = re.compile(r"cmp_([bx])(\d{4,})$")
_PHOTO_SUFFIXES = (".jpg", ".jpeg")


class CmpFacades(LabelLayout):
    """CMP facades: photo ``.jpg``, label map ``.png`` (palette, classes 1..12; 0 does not occur).

    Validation and test use the same pairs, as the authors do.

    Args:
        root: the folder that holds ``base`` (and ``extended``).
        split: ``authors``: test on cmp_b0001..0060, train on cmp_b0061 and above (the list of ASAP-Net's
            authors). ``ratio``: the first ``test_share`` of the names in order is the test set.
        test_share: for ``ratio``; at least one pair.
        extended: whether the pairs in ``extended`` (cmp_x...) join the training set.
        instances: must be False: there are no instance maps.
    """

    title: ClassVar[str] = "CMP facades"
    config: ClassVar[str] = "facades"
    expected: ClassVar[str] = (
        "  base/cmp_b0001.jpg  photo\n"
        "  base/cmp_b0001.png  label map (palette PNG, classes 1..12)\n"
        "  extended/cmp_x0001.{jpg,png}  optional"
    )

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        split: Literal["authors", "ratio"] = "authors",
        test_share: float = 0.1,
        extended: bool = False,
        instances: bool = False,
    ) -> None:
        super().__init__(root, instances=instances)
        if split not in ("authors", "ratio"):
            raise UserError(f"data.layout.split={split}: 'authors' or 'ratio' was expected")
        if not 0 < test_share < 1:
            raise UserError(f"data.layout.test_share={test_share}: a number between 0 and 1 was expected")
        self.split, self.test_share, self.extended = split, test_share, extended
        self.labels = LabelFormat(len(CMP), class_names=names(CMP), fixed=True)

    @classmethod
    def matches(cls, root: Path) -> bool:
        return any((root / "base").glob("cmp_b*.png"))

    def find(self, split: Split) -> list[Item]:
        base = self._pairs("base")
        if not base:
            raise self.wrong_root("base/ has no cmp_b*.jpg and cmp_b*.png")
        test = self._test_names(base)
        if split != "train":
            return [base[name] for name in test]
        train = [item for name, item in base.items() if name not in set(test)]
        return train + (list(self._require_extended().values()) if self.extended else [])

    def _test_names(self, base: dict[str, Item]) -> list[str]:
        if self.split == "ratio":
            if len(base) < 2:
                raise UserError(
                    f"{self.root / 'base'} holds {counted(len(base), 'pair')}; at least 2 are needed to "
                    "train and test"
                )
            count = min(max(1, math.ceil(len(base) * self.test_share)), len(base) - 1)
            return list(base)[:count]
        test = [name for name in base if _number(name) <= AUTHORS_TEST_COUNT]
        if not test or len(test) == len(base):
            raise UserError(
                f"{self.root / 'base'} holds {counted(len(base), 'pair')}, {len(test)} of them among "
                "cmp_b0001..0060: the authors' "
                "list (test on those, train on the others) leaves the training or the test set empty. "
                "Set data.layout.split=ratio"
            )
        return test

    def _require_extended(self) -> dict[str, Item]:
        extended = self._pairs("extended")
        if not extended:
            raise UserError(
                f"data.layout.extended=true, but {self.root / 'extended'} has no cmp_x*.jpg and cmp_x*.png: "
                "add it or set data.layout.extended=false"
            )
        return extended

    def _pairs(self, folder: str) -> dict[str, Item]:
        files = [path for path in image_files(self.root / folder) if _NAME.match(path.stem)]
        photos = {p.stem: p for p in files if p.suffix.lower() in _PHOTO_SUFFIXES}
        labels = {p.stem: p for p in files if p.suffix.lower() == ".png"}
        pairs = pair({"photos": photos, "label maps": labels})
        return {name: Item(name, files["label maps"], photo=files["photos"]) for name, files in pairs.items()}


def _number(name: str) -> int:
    match = _NAME.match(name)
    assert match
    return int(match[2])
