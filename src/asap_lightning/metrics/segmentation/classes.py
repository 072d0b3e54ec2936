"""Which class of a segmenter the ids of a data set stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layouts.classes import CITYSCAPES, names
from asap_lightning.errors import UserError
from asap_lightning.wording import counted

IGNORED = -1
CITYSCAPES_EVALUATED = (7, 8, 11, 12, 13, 17, 19, 20, *range(21, 29), 31, 32, 33)
"""The ids that the benchmark scores, as classes 0..18; all others are left out."""
_CITYSCAPES_IDS = (34, 35)
"""Numbers of classes that data sets of Cityscapes' ids have: without and with the licence plate."""


@dataclass(frozen=True)
class ClassMap:
    """Ids of label maps -> the classes that are scored.

    Attributes:
        truth: a class for every label channel; `IGNORED` where its pixels are not scored.
        names: of the classes that are scored.
        note: how they came about, for reports.
    """

    truth: tuple[int, ...]
    names: tuple[str, ...]
    note: str

    @property
    def count(self) -> int:
        """Number of classes that are scored."""
        return len(self.names)

    @cached_property
    def _table(self) -> Tensor:
        return torch.tensor(self.truth)

    def __call__(self, label: Tensor) -> Tensor:
        """(B, H, W) ids as in `Condition.label` -> classes int64, `IGNORED` for what is not scored.

        Raises:
            UserError: an id that the data set's description does not have.
        """
        ids = label.long()
        if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= len(self.truth)):
            raise UserError(
                f"a label map holds the ids {int(ids.min())}..{int(ids.max())}, where 0.."
                f"{len(self.truth) - 1} were expected: it is not of the data set whose classes are scored"
            )
        return self._table.to(ids.device)[ids]


def class_map(
    spec: ConditionSpec,
    classes: int,
    *,
    title: str,
    data: str = "",
    given: Mapping[int, int] | None = None,
) -> ClassMap:
    """How a data set's ids are scored with a segmenter.

    The rules, the first that fits: what is ``given``; Cityscapes' 34 or 35 ids with a segmenter of the
    benchmark's 19 classes; one class a class. 'Unknown' is never scored.

    Args:
        spec: the data set's conditions.
        classes: number of the segmenter's.
        title: its name, for messages.
        data: the data set that it was made for.
        given: label id -> class; ids that are not named are not scored.

    Raises:
        UserError: no label maps, numbers of classes that do not fit, or ``given`` names what there is not.
    """
    if spec.kind != "label":
        raise UserError(
            f"a segmenter's score compares with label maps, and the conditions are of the kind '{spec.kind}'"
        )
    if given is not None:
        return _given(spec, classes, title, given)
    cityscapes = spec.class_names == names(CITYSCAPES) or (
        data == "Cityscapes" and spec.num_classes in _CITYSCAPES_IDS
    )
    if cityscapes and classes in (19, 20):
        return _cityscapes(spec)
    if spec.num_classes == classes or (data == "Cityscapes" and (spec.num_classes, classes) == (19, 20)):
        truth = [*range(spec.num_classes), *[IGNORED] * spec.has_unknown]
        note = "classes as in the data set" + (", 'unknown' is not scored" if spec.has_unknown else "")
        return ClassMap(tuple(truth), _names(spec, range(spec.num_classes)), note)
    raise UserError(
        f"{title} has {counted(classes, 'class', 'classes')}, the data set {spec.num_classes}: choose a "
        "segmenter of this data set (segmenter=train makes one), or say which of its classes each id is: "
        "'segmenter.classes={7: 0, 8: 1}' (ids that are not named are not scored)"
    )


def _cityscapes(spec: ConditionSpec) -> ClassMap:
    truth = [IGNORED] * spec.label_channels
    for class_id, label in enumerate(CITYSCAPES_EVALUATED):
        truth[label] = class_id
    official = names(CITYSCAPES)
    return ClassMap(
        tuple(truth),
        tuple(official[label] for label in CITYSCAPES_EVALUATED),
        f"Cityscapes' {spec.label_channels} ids -> the benchmark's 19 classes, the others are not scored",
    )


def _given(spec: ConditionSpec, classes: int, title: str, given: Mapping[int, int]) -> ClassMap:
    truth = [IGNORED] * spec.label_channels
    for label, class_id in given.items():
        if not 0 <= label < spec.label_channels:
            raise UserError(
                f"segmenter.classes names the id {label}; the data set has 0..{spec.label_channels - 1}"
            )
        if not 0 <= class_id < classes:
            raise UserError(
                f"segmenter.classes makes the id {label} the class {class_id}; {title} has 0..{classes - 1}"
            )
        truth[label] = class_id
    if not given:
        raise UserError("segmenter.classes names no id: nothing would be scored")
    of_class = {class_id: label for label, class_id in reversed(sorted(given.items()))}
    known = _names(spec, range(spec.label_channels))
    called = tuple(known[of_class[c]] if c in of_class else f"class {c}" for c in range(classes))
    note = f"{len(given)} of {spec.label_channels} ids by segmenter.classes, the others are not scored"
    return ClassMap(tuple(truth), called, note)


def _names(spec: ConditionSpec, ids: range) -> tuple[str, ...]:
    return tuple(spec.class_names[i] if i < len(spec.class_names) else f"class {i}" for i in ids)
