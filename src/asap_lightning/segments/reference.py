"""Slow, obvious twins of the search and of the cutting, which tests and benchmarks compare with."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from asap_lightning.segments.bank import Bank
from asap_lightning.segments.descriptors import context, context_iou
from asap_lightning.segments.regions import Region
from asap_lightning.segments.retrieval import Match


def full_mask(region: Region) -> NDArray[np.bool_]:
    """(H, W) the region in its frame."""
    mask = np.zeros(region.frame, np.bool_)
    mask[region.window] = region.mask
    return mask


def scan(
    bank: Bank,
    region: Region,
    label: NDArray | None = None,
    *,
    context_weight: float = 0.0,
    count: int = 1,
    exclude: Collection[str] = (),
) -> list[Match]:
    """As `Retriever.best`: looks at every segment of the class, pixel by pixel."""
    placed = region.in_frame(*bank.frame)
    if placed is None:
        return []
    mine, found = full_mask(placed), []
    for number in bank.of_class(region.class_id):
        if bank.images[int(bank.table["image"][number])] in exclude:
            continue
        theirs = full_mask(bank.region(number))
        iou = np.count_nonzero(mine & theirs) / np.count_nonzero(mine | theirs)
        score, around = iou, None
        if context_weight:
            assert label is not None
            one = context(label, region.box, bank.context.dtype)
            around = float(context_iou(one, bank.context[number : number + 1])[0])
            score += context_weight * around
        found.append(Match(number, float(score), float(iou), around))
    return sorted(found, key=lambda one: (-one.score, one.number))[:count]


def components(label: NDArray, class_id: int) -> list[NDArray[np.bool_]]:
    """The connected regions (8 neighbours) of a class as full masks, by walking from pixel to pixel."""
    height, width = label.shape
    left = {(int(y), int(x)) for y, x in np.argwhere(label == class_id)}
    found = []
    while left:
        todo = [min(left)]
        left.remove(todo[0])
        mask = np.zeros((height, width), np.bool_)
        while todo:
            y, x = todo.pop()
            mask[y, x] = True
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            todo += near
        found.append(mask)
    return found
