"""The Triton kernel of class pooling: tent-filtered class maps by counting labels, without one-hot planes.

Axes: N classes (padded to a power of two), BLOCK neighbouring places of one row of the result.
"""

# Triton's language, not Python's: types that a checker cannot see.
# mypy: ignore-errors

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _reflected(place, size):
    place = tl.abs(place)
    return tl.where(place < size, place, 2 * (size - 1) - place)


@triton.jit
def class_pool(
    label, out, label_batch, label_row, label_column, rows, columns, height, width, classes, scale,
    S1: tl.constexpr, N: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Writes (B, classes, rows, columns) from labels (B, height, width) of any strides.

    The weights 1, 3, .., 2 S1 - 1, 2 S1 - 1, .., 3, 1 are whole numbers, so their sums are exact in float32.
    """
    b = tl.program_id(0) // rows
    i = tl.program_id(0) % rows
    j = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = j < columns
    n = tl.arange(0, N)
    counts = tl.zeros([BLOCK, N], tl.float32)
    for dy in range(0, 2 * S1):
        y = _reflected(i * S1 + dy - S1 // 2, height)
        down = tl.minimum(2 * dy + 1, 4 * S1 - 2 * dy - 1)
        for dx in range(0, 2 * S1):
            x = _reflected(j * S1 + dx - S1 // 2, width)
            across = tl.minimum(2 * dx + 1, 4 * S1 - 2 * dx - 1)
            where = label + b * label_batch + y * label_row + x * label_column
            ids = tl.load(where, mask=inside, other=-1).to(tl.int32)
            counts += tl.where(ids[:, None] == n[None, :], down * across, 0).to(tl.float32)
    to = out + ((b * classes + n[None, :]) * rows + i) * columns + j[:, None]
    value = (counts * scale).to(out.dtype.element_ty)
    tl.store(to, value, mask=inside[:, None] & (n[None, :] < classes))
