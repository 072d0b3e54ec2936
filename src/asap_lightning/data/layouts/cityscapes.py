"""Cityscapes in its official tree."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.finding import image_files
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.layout import Item, LabelLayout, Split
from asap_lightning.data.layouts.classes import CITYSCAPES, names
from asap_lightning.data.layouts.matching import require_partners
from asap_lightning.data.reading import read_depth
from asap_lightning.errors import UserError
from asap_lightning.wording import counted, listed

_LABEL, _INSTANCE, _PHOTO = "_gtFine_labelIds.png", "_gtFine_instanceIds.png", "_leftImg8bit.png"


class Cityscapes(LabelLayout):
    """Cityscapes: ids 0..33, and -1 (255 in the files) as 'unknown': 35 channels.

    A test split may hold layouts without any photo; the other splits need both.

    Args:
        root: the folder that holds ``gtFine`` and ``leftImg8bit``.
        instances: whether instance maps are read, for their edges.
    """

    title: ClassVar[str] = "Cityscapes"
    config: ClassVar[str] = "cityscapes"
    expected: ClassVar[str] = (
        "  gtFine/{train,val,test}/CITY/CITY_SEQ_FRAME_gtFine_labelIds.png\n"
        "  gtFine/{train,val,test}/CITY/CITY_SEQ_FRAME_gtFine_instanceIds.png  (for "
        "data.instance_edges=true)\n"
        "  leftImg8bit/{train,val,test}/CITY/CITY_SEQ_FRAME_leftImg8bit.png\n"
        "  disparity/{train,val,test}/CITY/CITY_SEQ_FRAME_disparity.png  (only to fit SIMS's order network)"
    )
    has_instances: ClassVar[bool] = True

    def __init__(self, root: str | os.PathLike[str], *, instances: bool = False) -> None:
        super().__init__(root, instances=instances)
        self.labels = LabelFormat(
            len(CITYSCAPES), has_unknown=True, class_names=names(CITYSCAPES), fixed=True
        )

    @classmethod
    def matches(cls, root: Path) -> bool:
        return (root / "gtFine").is_dir() or (root / "leftImg8bit").is_dir()

    def find(self, split: Split) -> list[Item]:
        if not self.matches(self.root):
            raise self.wrong_root("neither gtFine/ nor leftImg8bit/ is there")
        labels = self._files("gtFine", split, _LABEL)
        photos = self._files("leftImg8bit", split, _PHOTO)
        if not labels and not photos:
            raise UserError(f"{self.root / 'gtFine' / split} holds no */*{_LABEL}: it is missing or empty")
        if photos or split != "test":
            require_partners("label maps", labels, "photos", photos)
        instances = self._instances(split, labels) if self.instances else {}
        return [
            Item(name, path, photo=photos.get(name), instance=instances.get(name))
            for name, path in sorted(labels.items())
        ]

    def disparity(self, item: Item) -> NDArray[np.float32] | None:
        """Of the official files where they lie beside the others: (value - 1) / 256, 0 for unknown."""
        folder = Path(str(item.condition)).parent
        path = self.root / "disparity" / folder.parent.name / folder.name / f"{item.name}_disparity.png"
        if not path.is_file():
            return None
        values = read_depth(path, 1.0)
        return np.where(values > 0, (values - 1) / 256, np.nan).astype(np.float32)

    def _files(self, kind: str, split: Split, ending: str) -> dict[str, Path]:
        found = image_files(self.root / kind / split)
        return {path.name.removesuffix(ending): path for path in found if path.name.endswith(ending)}

    def _instances(self, split: Split, labels: dict[str, Path]) -> dict[str, Path]:
        instances = self._files("gtFine", split, _INSTANCE)
        if missing := sorted(set(labels) - set(instances)):
            raise UserError(
                f"{counted(len(missing), 'label map')} without instance map (*{_INSTANCE}): "
                f"{listed(labels[n] for n in missing)}. Add them, or train without instance edges: "
                "data.instance_edges=false"
            )
        return instances
