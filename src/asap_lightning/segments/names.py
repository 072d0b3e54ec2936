"""Classes by name, and what SIMS does with those of Cityscapes."""

from __future__ import annotations

from collections.abc import Iterable

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.wording import listed

CITYSCAPES_JOIN = ("pole", "traffic light", "traffic sign")
"""Joined to other classes before regions are found."""
CITYSCAPES_ORDER = (
    "sky",
    "building",
    "terrain",
    "wall",
    "sidewalk",
    "road",
    "fence",
    "vegetation",
    "motorcycle",
    "bicycle",
    "truck",
    "car",
    "bus",
    "train",
    "person",
    "pole",
    "rider",
    "traffic sign",
    "traffic light",
)
"""The order in which pieces are laid, the last in front."""
CITYSCAPES_TREES = ("vegetation",)
CITYSCAPES_VEHICLES = ("car", "truck", "bus", "train", "motorcycle", "bicycle", "caravan", "trailer")
CITYSCAPES_OBJECTS = ("person", "rider", "pole", "traffic light", "traffic sign")
_KNOWN_BY = ("road", "sidewalk", "traffic light", "rider")
"""A data set with all of these has Cityscapes' classes, or some of them."""


def is_cityscapes(spec: ConditionSpec) -> bool:
    """Whether the classes are those of Cityscapes, by name."""
    return set(_KNOWN_BY) <= set(spec.class_names)


def class_ids(spec: ConditionSpec, names: Iterable[str], place: str) -> tuple[int, ...]:
    """The ids of classes.

    Raises:
        UserError: the data set has no class of such a name; ``place`` is where it was given.
    """
    known = {name: number for number, name in enumerate(spec.channel_names[: spec.num_classes])}
    ids = []
    for name in names:
        if name not in known:
            raise UserError(f"{place} {name}: there is no such class; there are {listed(known, 40)}")
        ids.append(known[name])
    return tuple(ids)


def ids_present(spec: ConditionSpec, names: Iterable[str]) -> tuple[int, ...]:
    """The ids of those classes that the data set has."""
    known = spec.class_names[: spec.num_classes]
    return tuple(known.index(name) for name in names if name in known)
