"""Precision, recall, density, coverage: whose features lie among the other set's nearest neighbours.

Axes: D features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from asap_lightning.metrics.features.kernel import Blocks

PRECISION_NEIGHBOURS, DENSITY_NEIGHBOURS = 3, 5
"""k of precision and recall (Kynkaanniemi et al. 2019), and of density and coverage (Naeem et al. 2020)."""


@dataclass(frozen=True)
class Neighbourhoods:
    """The four shares.

    Attributes:
        precision: share of generated images within the ball of a photo, whose radius is the distance of that
            photo's third nearest photo.
        recall: share of photos within such a ball of a generated image.
        density: balls of photos (fifth nearest) around a generated image, on average, divided by 5.
        coverage: share of photos whose ball (fifth nearest) holds a generated image.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighbourhoods(generated: Blocks, real: Blocks) -> Neighbourhoods:
    """The four shares of two sets of more than five images each; distances are Euclidean."""
    near_real, radii_real = _radii(real)
    near_generated, _ = _radii(generated)
    precise = dense = 0.0
    recalled = torch.zeros(len(near_real), dtype=torch.bool)
    covered = torch.zeros(len(near_real), dtype=torch.bool)
    begin = 0
    for rows in generated():
        end = begin + len(rows)
        held = torch.zeros(len(rows), dtype=torch.bool)
        for span, distances in _against(rows, real):
            held |= (distances <= near_real[span]).any(1)
            dense += float((distances <= radii_real[span]).sum())
            covered[span] |= (distances <= radii_real[span]).any(0)
            recalled[span] |= (distances <= near_generated[begin:end, None]).any(0)
        precise += float(held.sum())
        begin = end
    shares = (float(flags.double().mean()) for flags in (recalled, covered))
    recall, coverage = shares
    return Neighbourhoods(precise / begin, recall, dense / (DENSITY_NEIGHBOURS * begin), coverage)


def _radii(blocks: Blocks) -> tuple[Tensor, Tensor]:
    """Distance of each row to its third and to its fifth nearest other row."""
    found = []
    begin = 0
    for rows in blocks():
        nearest = torch.full((len(rows), DENSITY_NEIGHBOURS), torch.inf, dtype=torch.float64)
        for span, distances in _against(rows, blocks):
            own = torch.arange(begin, begin + len(rows))
            inside = (own >= span.start) & (own < span.stop)
            distances[inside.nonzero()[:, 0], own[inside] - span.start] = torch.inf  # no one's own neighbour
            nearest = torch.cat([nearest, distances], 1).topk(DENSITY_NEIGHBOURS, largest=False).values
        found.append(nearest)
        begin += len(rows)
    nearest = torch.cat(found)
    return nearest[:, PRECISION_NEIGHBOURS - 1], nearest[:, DENSITY_NEIGHBOURS - 1]


def _against(rows: Tensor, blocks: Blocks) -> Iterator[tuple[slice, Tensor]]:
    """Distances to all rows of a set, a block of them at a time, with the block's place."""
    begin = 0
    for others in blocks():
        yield slice(begin, begin + len(others)), torch.cdist(rows, others)
        begin += len(others)
