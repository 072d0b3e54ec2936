"""A condition by rows, from an array or a file, extended to whole tiles as `pad_condition` does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asap_lightning.condition import Condition
from asap_lightning.inference.padding import extended
from asap_lightning.models import Generator

ReadRows = Callable[[int, int], NDArray]
"""Rows ``top`` to ``bottom`` of a map (h, W) or a picture (h, W, C)."""
ToCondition = Callable[[NDArray, NDArray | None], Condition]


class RowWindow:
    """Reads rows, and keeps those that overlapping requests ask for again.

    Args:
        read: reads rows; going down is expected to be cheap.
    """

    def __init__(self, read: ReadRows) -> None:
        self._read, self._top, self._rows = read, 0, np.empty((0, 0))

    def __call__(self, top: int, bottom: int) -> NDArray:
        """Rows ``top`` to ``bottom``."""
        end = self._top + len(self._rows)
        if self._top <= top < end:
            kept = self._rows[top - self._top :]
            if bottom > end:
                kept = np.concatenate([kept, self._read(end, bottom)])
        else:
            kept = self._read(top, bottom)
        self._top, self._rows = top, kept
        return kept[: bottom - top]


class ExtendedRows:
    """The condition as the generator needs it: the last row and column repeated up to a multiple.

    Args:
        size: height and width of the condition.
        read: its rows.
        to_condition: makes a `Condition` of arrays, and validates them.
        generator: whose multiple and least size count.
        instances: rows of the instance map, for models that use its edges.

    Attributes:
        height, width: of the extended condition.
    """

    def __init__(
        self,
        size: tuple[int, int],
        read: ReadRows,
        to_condition: ToCondition,
        generator: Generator,
        instances: ReadRows | None = None,
    ) -> None:
        self._size, self._to_condition = size, to_condition
        self._read = RowWindow(read)
        self._instances = RowWindow(instances) if instances is not None else None
        self.height, self.width = (
            extended(side, generator.size_multiple, generator.minimum_size) for side in size
        )

    def condition(self, top: int, bottom: int, left: int = 0, right: int | None = None) -> Condition:
        """A rectangle of the extended condition, as a batch of one."""
        height, width = self._size
        right = self.width if right is None else right
        first, last = min(top, height - 1), max(min(bottom, height), min(top, height - 1) + 1)
        begin, end = min(left, width - 1), max(min(right, width), min(left, width - 1) + 1)
        rows = self._read(first, last)[:, begin:end]
        instances = None if self._instances is None else self._instances(first, last)[:, begin:end]
        made = self._to_condition(rows, instances)
        if (made.height, made.width) == (bottom - top, right - left):
            return made

        def extend(tensor: Tensor) -> Tensor:
            down = torch.arange(top, bottom, device=tensor.device).clamp_(max=height - 1) - first
            across = torch.arange(left, right, device=tensor.device).clamp_(max=width - 1) - begin
            return tensor.index_select(-2, down).index_select(-1, across)

        return made.map(extend)
