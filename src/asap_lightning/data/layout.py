"""What every data-set layout is: a list of named pairs a split, and how one of them is read."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.condition import ConditionKind, ConditionSpec
from asap_lightning.data.blocks import Blocks
from asap_lightning.data.finding import Contents, scan
from asap_lightning.data.formats import depth_suffixes, image_suffixes
from asap_lightning.data.labels import LabelFormat
from asap_lightning.data.palette_match import parse_palette
from asap_lightning.data.reading import (
    label_array,
    open_image,
    read_depth,
    read_grey,
    read_instance,
    read_photo,
    scale_depth,
)
from asap_lightning.data.recognition import advice
from asap_lightning.data.sample import Sample
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
CONDITION_KINDS = ("label", "image", "grey", "depth")


@dataclass(frozen=True)
class Item:
    """The files of one pair.

    Attributes:
        name: unique in its split and usable as a file stem.
        condition: the label map, condition image or depth map.
        photo: the real photo; None where a split has conditions alone.
        instance: the instance map, if the layout was asked for them.
        index: the position inside a file that holds many pairs.
    """

    name: str
    condition: Source
    photo: Source | None = None
    instance: Source | None = None
    index: int = 0


class Layout(ABC):
    """A data set on disk.

    Args:
        root: the folder of the data set.
        instances: whether instance maps are wanted; where False, none is looked for.

    Attributes:
        warnings: what looks wrong without being so, as far as splits have been listed.
        joint_role: what a file is called in a shard that is both condition and photo.
        stores_arrays: whether a shard holds decoded arrays, for want of a file of its own for each pair.
    """

    title: ClassVar[str]
    config: ClassVar[str]
    expected: ClassVar[str]
    has_instances: ClassVar[bool] = False
    joint_role: ClassVar[str] = "pair"
    stores_arrays: ClassVar[bool] = False

    def __init__(self, root: str | os.PathLike[str], *, instances: bool = False) -> None:
        self.root = Path(root)
        self.instances = instances
        self._items: dict[str, list[Item]] = {}
        self.warnings: list[str] = []
        if instances and not self.has_instances:
            raise UserError(
                f"data.instance_edges=true, but {self.title} has no instance maps: set "
                "data.instance_edges=false"
            )

    @property
    def address(self) -> str:
        """The root as it was given, for messages and reports."""
        return str(self.root)

    def blocks(self, split: Split) -> Blocks | None:
        """Runs of pairs that are cheap to read together; None where any order costs the same."""
        return None

    @property
    @abstractmethod
    def spec(self) -> ConditionSpec:
        """What the conditions of this data set are."""

    @abstractmethod
    def find(self, split: Split) -> list[Item]:
        """The pairs of a split in their stated order; called once a split."""

    @abstractmethod
    def read(self, item: Item) -> Sample:
        """Reads the files of a pair; a `UserError` names the file that is wrong."""

    def disparity(self, item: Item) -> NDArray[np.float32] | None:
        """(H, W) of a pair's photo, larger where nearer and NaN where not known; None where there is none."""
        return None

    @classmethod
    @abstractmethod
    def matches(cls, root: Path) -> bool:
        """Whether a folder looks like this layout; cheap, reads no image."""

    def name_of(self, written: str) -> str:
        """The name of the pair that a list means by these words, such as a path of the authors' list."""
        return written

    def items(self, split: Split) -> list[Item]:
        """The pairs of a split.

        Raises:
            UserError: the folder is missing, empty, of another layout, or its pairs are incomplete.
        """
        if split not in self._items:
            self.require_root()
            items = self.find(split)
            if not items:
                raise self.wrong_root(f"no pairs were found for the split '{split}'")
            self._require_unique(items)
            self._items[split] = items
        return self._items[split]

    def splits(self) -> tuple[Split, ...]:
        """The splits that the data set may have; what was made with some of them alone has only those."""
        return SPLITS

    def require_root(self) -> None:
        """A `UserError` unless the root is a folder with something in it."""
        if not self.root.exists():
            raise UserError(
                f"data.root={self.root}: there is no such folder. {self.title} is expected "
                f"there:\n{self.expected}"
            )
        if not self.root.is_dir():
            raise UserError(f"data.root={self.root} is a file; the folder of {self.title} was expected")
        if not any(not name.startswith(".") for name in os.listdir(self.root)):
            raise UserError(
                f"data.root={self.root} is an empty folder. {self.title} is expected there:\n{self.expected}"
            )

    def wrong_root(self, found: str) -> UserError:
        """The error for a folder without what this layout needs; says what it looks like instead."""
        hint = advice(self.root, type(self))
        return UserError(
            f"data.root={self.root} is not laid out as {self.title}: {found}. Expected:\n{self.expected}"
            + (f"\n{hint}" if hint else "")
        )

    def warn(self, text: str) -> None:
        """Adds to `warnings`, once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def unused(self, used: Iterable[Path]) -> Contents | None:
        """What lies below the root beside the files that are used; None where pairs are no files."""
        if not self.root.is_dir():
            return None
        paths, contents = set(used), scan(self.root, ())
        contents.others = [path for path in contents.others if path not in paths]
        return contents

    def _require_unique(self, items: Sequence[Item]) -> None:
        seen: dict[str, Item] = {}
        for item in items:
            if item.name in seen:
                raise UserError(
                    f"two pairs are both called '{item.name}': {seen[item.name].condition} and "
                    f"{item.condition}. "
                    "Names must be unique, since results are written under them: rename one"
                )
            seen[item.name] = item


class LabelLayout(Layout):
    """A layout whose conditions are label maps."""

    labels: LabelFormat

    @property
    def spec(self) -> ConditionSpec:
        return label_spec(self.labels, self.instances)

    def read(self, item: Item) -> Sample:
        paths: dict[str, Source] = {"label": item.condition}
        label, unmatched = label_array(self.label_image(item), item.condition, self.labels)
        instance, photo = None, None
        if item.instance is not None:
            instance, paths["instance"] = read_instance(item.instance), item.instance
        if item.photo is not None:
            photo, paths["photo"] = read_photo(item.photo), item.photo
        sample = Sample(
            item.name, label=label, instance=instance, photo=photo, paths=paths, unmatched=unmatched
        )
        return sample.require_equal_sizes()

    def label_image(self, item: Item) -> Image.Image:
        """The label map of a pair as its file stores it, before ids or colours are given a meaning."""
        return open_image(item.condition)


class AnyConditionLayout(LabelLayout):
    """A layout of plain folders, whose conditions may be of any kind.

    Args:
        root: the folder of the data set.
        condition: ``label``, ``image`` (RGB), ``grey`` or ``depth``.
        num_classes, has_unknown, label_values, palette, palette_tolerance, class_names: as in
            `LabelFormat`; for labels.
        depth_unit: metres that the value 1 of a depth file stands for.
        nearest, farthest: depths in metres that become -1 and 1.
        instances: as in `Layout`.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        condition: str = "label",
        num_classes: int | None = None,
        has_unknown: bool = False,
        label_values: dict[int, int] | None = None,
        palette: Sequence[Sequence[int]] | dict[int, Sequence[int]] | None = None,
        palette_tolerance: float = 0.0,
        class_names: Sequence[str] = (),
        depth_unit: float = 0.001,
        nearest: float = 0.0,
        farthest: float = 10.0,
        instances: bool = False,
    ) -> None:
        super().__init__(root, instances=instances)
        if condition not in CONDITION_KINDS:
            raise UserError(
                f"data.layout.condition={condition}: one of {', '.join(CONDITION_KINDS)} was expected"
            )
        self.condition = condition
        self.depth_unit, self.nearest, self.farthest = depth_unit, nearest, farthest
        if condition == "label":
            if num_classes is None:
                if palette is None:
                    raise UserError(
                        f"data.layout.num_classes is missing: {self.title} may have any classes; give N "
                        "where label maps hold the ids 0 to N-1"
                    )
                num_classes = len(parse_palette(palette, "data.layout.palette")) - int(has_unknown)
            self.labels = LabelFormat(
                num_classes,
                has_unknown,
                values=label_values,
                palette=palette,
                palette_tolerance=palette_tolerance,
                class_names=tuple(class_names),
            )

    @property
    def spec(self) -> ConditionSpec:
        if self.condition == "label":
            return label_spec(self.labels, self.instances)
        kind: ConditionKind = "depth" if self.condition == "depth" else "image"
        channels = 3 if self.condition == "image" else 1
        return ConditionSpec(kind=kind, channels=channels, instance_edges=self.instances)

    @property
    def suffixes(self) -> frozenset[str]:
        """File suffixes of conditions."""
        return depth_suffixes() if self.condition == "depth" else image_suffixes()

    def read(self, item: Item) -> Sample:
        if self.condition == "label":
            return super().read(item)
        paths: dict[str, Source] = {"depth" if self.condition == "depth" else "image": item.condition}
        image, depth, instance, photo = None, None, None, None
        if self.condition == "depth":
            metres = read_depth(item.condition, self.depth_unit)
            depth = scale_depth(metres, self.nearest, self.farthest)
        else:
            image = (read_photo if self.condition == "image" else read_grey)(item.condition)
        if item.instance is not None:
            instance, paths["instance"] = read_instance(item.instance), item.instance
        if item.photo is not None:
            photo, paths["photo"] = read_photo(item.photo), item.photo
        sample = Sample(item.name, image=image, depth=depth, instance=instance, photo=photo, paths=paths)
        return sample.require_equal_sizes()


def label_spec(labels: LabelFormat, instances: bool) -> ConditionSpec:
    """The `ConditionSpec` of label maps in this format."""
    return ConditionSpec(
        kind="label",
        num_classes=labels.num_classes,
        has_unknown=labels.has_unknown,
        instance_edges=instances,
        class_names=labels.class_names,
    )
