"""The kernel distance of two sets of features (Binkowski et al., 2018).

Axes: D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import Tensor

Blocks = Callable[[], Iterable[Tensor]]
"""Features (rows, D) float64 of a set, some rows at a time; from the beginning at every call."""


def squared_discrepancy(generated: Blocks, real: Blocks, dimension: int) -> float:
    """MMD^2 with k(x, y) = (x y / D + 1)^3, without bias, over all pairs of images.

        sum_{i != j} k(g_i, g_j) / (m (m - 1)) + sum_{i != j} k(r_i, r_j) / (n (n - 1))
            - 2 mean_ij k(g_i, r_j)

    Programs that draw subsets report the mean over them, which estimates this very number.

    Args:
        generated: of m images, at least 2.
        real: of n photos, at least 2.
        dimension: D.
    """
    within = 0.0
    for blocks in (generated, real):
        total, diagonal, count = 0.0, 0.0, 0
        for rows in blocks():
            count += len(rows)
            diagonal += float(_kernel(rows.square().sum(1), dimension).sum())
            total += sum(float(_kernel(rows @ others.T, dimension).sum()) for others in blocks())
        within += (total - diagonal) / (count * (count - 1))
    across, pairs = 0.0, 0
    for rows in generated():
        for others in real():
            across += float(_kernel(rows @ others.T, dimension).sum())
            pairs += len(rows) * len(others)
    return within - 2 * across / pairs


def _kernel(products: Tensor, dimension: int) -> Tensor:
    return (products / dimension + 1) ** 3
