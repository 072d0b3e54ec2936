"""DeepFashion-HD: photos of people, and the key points of their poses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.finding import Contents
from asap_lightning.data.layout import Item, Layout, Split
from asap_lightning.data.poses import PLANES, SIDE, draw_pose, read_pose
from asap_lightning.data.reading import read_photo
from asap_lightning.data.sample import Sample
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError
from asap_lightning.untrusted.text import printable, read_text
from asap_lightning.wording import listed

LISTS: dict[Split, str] = {"train": "train.txt", "val": "val.txt", "test": "val.txt"}
LARGEST_LIST = 64 * 2**20
PHOTOS, POSES, POINTS, PERSONS = "img", "pose", "_candidate.txt", "_subset.txt"


class DeepFashionPoses(Layout):
    """CoCosNet v2's DeepFashion-HD: a pose is translated into a photo of a person in it.

    ``img/WOMEN/../NAME.jpg`` are square photos, ``pose/WOMEN/../NAME_candidate.txt`` and ``NAME_subset.txt``
    the key points of each (`data.poses`). ``train.txt`` and ``val.txt`` list the photos of the splits, a path
    a line, of which what follows ``img/`` counts. Pairs are called after that path, with ``_`` for ``/``.

    Args:
        root: the folder that holds ``img``, ``pose`` and the lists.
        side: pixels of the squares that the key points lie in.
        instances: must be False.
    """

    title: ClassVar[str] = "DeepFashion-HD with poses"
    config: ClassVar[str] = "deepfashion"
    stores_arrays: ClassVar[bool] = True
    expected: ClassVar[str] = (
        "  img/WOMEN/../NAME.jpg             square photos\n"
        "  pose/WOMEN/../NAME_candidate.txt  key points, NAME_subset.txt: which of them are the person's\n"
        "  train.txt, val.txt                the photos of the splits, a path a line"
    )

    def __init__(self, root: str | os.PathLike[str], *, side: int = SIDE, instances: bool = False) -> None:
        super().__init__(root, instances=instances)
        if side < 1:
            raise UserError(f"data.layout.side={side}: a positive number of pixels was expected")
        self.side = side

    @property
    def spec(self) -> ConditionSpec:
        return ConditionSpec("image", channels=PLANES)

    @classmethod
    def matches(cls, root: Path) -> bool:
        return (root / PHOTOS).is_dir() and (root / POSES).is_dir()

    def find(self, split: Split) -> list[Item]:
        for name in (PHOTOS, POSES, LISTS[split]):
            if not (self.root / name).exists():
                raise self.wrong_root(f"there is no {name}")
        list_file = self.root / LISTS[split]
        lines = read_text(list_file, most=LARGEST_LIST).splitlines()
        items = [
            self._item(line.strip(), f"{list_file}:{number}")
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        needed = [path for item in items for path in (item.photo, *self._files(item))]
        if missing := [path for path in needed if isinstance(path, Path) and not path.is_file()]:
            raise UserError(
                f"{list_file} names photos of which files are missing: {listed(missing)}. Add them, or take "
                "the lines out of the list"
            )
        return items

    def _item(self, written: str, place: str) -> Item:
        parts = below_photos(written)
        if parts is None:
            raise UserError(
                f"{place} is '{printable(written, 100)}'; a path such as img/WOMEN/Dresses/id_1/1_front.jpg "
                "was expected"
            )
        stem = Path(*parts).with_suffix("")
        pose = self.root / POSES / stem
        return Item(
            "_".join(stem.parts),
            pose.with_name(pose.name + POINTS),
            photo=self.root.joinpath(PHOTOS, *parts),
        )

    def name_of(self, written: str) -> str:
        parts = below_photos(written)
        return written if parts is None else "_".join(Path(*parts).with_suffix("").parts)

    def read(self, item: Item) -> Sample:
        assert isinstance(item.photo, Path)
        photo = read_photo(item.photo)
        height, width = photo.shape[:2]
        if height != width:
            raise UserError(
                f"{item.photo} is {width} x {height} (width x height), but key points lie in squares of "
                f"{self.side} pixels: pad the photo on both sides to a square, as the authors did (grey 232)"
            )
        points, persons = self._files(item)
        pose = draw_pose(read_pose(points, persons, self.side), height, self.side)
        paths: dict[str, Source] = {"image": points, "photo": item.photo}
        return Sample(item.name, image=pose, photo=photo, paths=paths)

    def unused(self, used: object) -> Contents | None:
        """Nothing: the lists choose among photos, and what they leave out is left out on purpose."""
        return None

    @staticmethod
    def _files(item: Item) -> tuple[Path, Path]:
        points = item.condition
        assert isinstance(points, Path)
        return points, points.with_name(points.name.removesuffix(POINTS) + PERSONS)


def below_photos(written: str) -> tuple[str, ...] | None:
    """The parts of a path that follow ``img``, the last with a suffix; None if it has none, or climbs."""
    parts = tuple(part for part in written.replace("\\", "/").split("/") if part not in ("", "."))
    if PHOTOS not in parts or ".." in parts:
        return None
    below = parts[parts.index(PHOTOS) + 1 :]
    return below if below and Path(below[-1]).suffix else None
