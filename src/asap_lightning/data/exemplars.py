"""Which pair of a split lends another one its photo, as an exemplar."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asap_lightning.data.layout import Item, Layout
from asap_lightning.errors import UserError

NEAREST = 5
"""Pairs from which ``nearest`` chooses in training."""
LARGEST_LIST = 64 * 2**20
"""Bytes of a file of pairs that are read."""
_DRAWS = 0x65786D70
"""Keeps these draws apart from those of crops and flips."""

Pick = Callable[[int, np.random.Generator, bool], int]
"""From a pair's index, draws, and whether the choice is fixed, to the index of its exemplar."""


class Exemplars:
    """Chooses each pair's exemplar: a pure function of (seed, epoch, index).

    Args:
        pick: chooses among the pairs.
        own: share of the pairs whose exemplar is their own photo, distorted, whatever ``pick`` says.
        seed: decides all.
        fixed: as in validation: one exemplar a pair in every epoch, and ``own`` does not count.
    """

    def __init__(self, pick: Pick, *, own: float = 0.0, seed: int = 0, fixed: bool = False) -> None:
        self.pick, self.own, self.seed, self.fixed = pick, own, seed, fixed

    def seeds(self, epoch: int, index: int) -> tuple[int, ...]:
        """What decides the choice, and the distortion of an own photo."""
        return self.seed, 0 if self.fixed else epoch, index, _DRAWS

    def choose(self, epoch: int, index: int) -> int:
        """The exemplar's index; ``index`` itself stands for the own photo, to be distorted."""
        draws = np.random.default_rng(self.seeds(epoch, index))
        if not self.fixed and draws.random() < self.own:
            return index
        return self.pick(index, draws, self.fixed)


def plan_exemplars(
    setting: str, layout: Layout, items: Sequence[Item], *, own: float, seed: int, fixed: bool
) -> Exemplars:
    """The plan behind ``data.exemplar``.

    Args:
        setting: ``self`` (the own photo, distorted), ``random`` (another pair), ``nearest`` (the pairs whose
            classes cover the most similar shares of the image: the nearest one, in training one of the
            nearest five) or a file: lines ``NAME,EXEMPLAR[,EXEMPLAR..]``, the best exemplar first.
        layout: reads the label maps for ``nearest``: all of them, once.
        items: the pairs.
        own, seed, fixed: as of `Exemplars`.

    Raises:
        UserError: too few pairs, no labels to compare, a file that cannot be read or does not fit.
    """
    if not 0 <= own <= 1:
        raise UserError(f"data.exemplar_own={own}: a share from 0 to 1 was expected")
    if setting == "self":
        return Exemplars(lambda index, _, __: index, seed=seed, fixed=fixed)
    if setting == "random":
        _require_two(items, setting)
        pick = _another(len(items))
    elif setting == "nearest":
        _require_two(items, setting)
        pick = _nearest(class_shares(layout, items))
    else:
        pick = _listed(read_pairs(Path(setting).expanduser(), [item.name for item in items], layout.name_of))
    return Exemplars(pick, own=own, seed=seed, fixed=fixed)


def _require_two(items: Sequence[Item], setting: str) -> None:
    if len(items) < 2:
        raise UserError(
            f"data.exemplar={setting} takes another pair of the split, which has {len(items)}: use "
            "data.exemplar=self, or more pairs"
        )


def _another(count: int) -> Pick:
    def pick(index: int, draws: np.random.Generator, fixed: bool) -> int:
        other = int(draws.integers(count - 1))
        return other + (other >= index)

    return pick


def _nearest(shares: NDArray[np.float32]) -> Pick:
    def pick(index: int, draws: np.random.Generator, fixed: bool) -> int:
        order = ranked(shares, index)[: 1 if fixed else NEAREST]
        return int(order[draws.integers(len(order))])

    return pick


def _listed(lists: Sequence[Sequence[int]]) -> Pick:
    def pick(index: int, draws: np.random.Generator, fixed: bool) -> int:
        listed = lists[index]
        return listed[0] if fixed else listed[int(draws.integers(len(listed)))]

    return pick


def ranked(shares: NDArray[np.float32], index: int) -> NDArray[np.int64]:
    """The other pairs, those with the most similar shares of classes first.

    Args:
        shares: (pairs, classes).
        index: of the pair that is compared.
    """
    distance = np.abs(shares - shares[index]).sum(1)
    distance[index] = math.inf
    return np.argsort(distance, kind="stable")[:-1]


def class_shares(layout: Layout, items: Sequence[Item]) -> NDArray[np.float32]:
    """For each pair the share of the image that every class covers (pairs, classes).

    Raises:
        UserError: the conditions are no label maps.
    """
    classes = layout.spec.label_channels
    if not classes:
        raise UserError(
            f"data.exemplar=nearest compares the classes of label maps, but the conditions are "
            f"{layout.spec.kind}s: use data.exemplar=random, self, or a file of pairs"
        )
    shares = np.zeros((len(items), classes), np.float32)
    for row, item in zip(shares, items, strict=True):
        label = layout.read(item).label
        assert label is not None
        row[:] = np.bincount(label.ravel(), minlength=classes)[:classes] / label.size
    return shares


def read_pairs(path: Path, names: Sequence[str], name_of: Callable[[str], str] = str) -> list[list[int]]:
    """For each name the indices of its exemplars, the best first.

    Args:
        path: of the list.
        names: of the pairs.
        name_of: see `Layout.name_of`.

    Raises:
        UserError: no such file, too large, a line or a name that does not fit, a pair without exemplar.
    """
    if not path.is_file():
        raise UserError(
            f"data.exemplar={path}: self, random, nearest or a file of lines NAME,EXEMPLAR was expected; "
            "there is no such file"
        )
    if path.stat().st_size > LARGEST_LIST:
        raise UserError(f"data.exemplar={path}: more than {LARGEST_LIST >> 20} MiB, no list of pairs")
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"data.exemplar={path}: cannot be read as text ({error})") from error
    places = {name: index for index, name in enumerate(names)}
    found: dict[int, list[int]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, *exemplars = (name_of(part.strip()) for part in line.split(","))
        if name not in places:
            continue  # of another split
        if not exemplars:
            raise UserError(f"{path}:{number}: '{name}' has no exemplar; NAME,EXEMPLAR was expected")
        if unknown := [exemplar for exemplar in exemplars if exemplar not in places]:
            raise UserError(f"{path}:{number}: the split has no pair named '{unknown[0][:100]}'")
        found[places[name]] = [places[exemplar] for exemplar in exemplars]
    if missing := [name for name, index in places.items() if index not in found]:
        raise UserError(
            f"{path} names no exemplar for {len(missing)} of {len(names)} pairs: {missing[0]}, .."
        )
    return [found[index] for index in range(len(names))]
