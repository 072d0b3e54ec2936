"""Clusters of instance features per class, from which features are drawn when there is no photo."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def kmeans(
    points: Tensor, clusters: int, *, iterations: int = 100, generator: torch.Generator | None = None
) -> Tensor:
    """Lloyd's algorithm, started by k-means++.

    Args:
        points: (N, F).
        clusters: number of centres wanted.
        iterations: at most so many.
        generator: random numbers of the start.

    Returns:
        (min(clusters, N), F) centres.
    """
    count = min(clusters, len(points))
    first = int(torch.randint(len(points), (1,), generator=generator))
    centres = points[first : first + 1]
    while len(centres) < count:
        distance = torch.cdist(points, centres).amin(1).square()
        total = float(distance.sum())
        chances = distance / total if total > 0 else torch.full_like(distance, 1 / len(points))
        chosen = torch.multinomial(chances.cpu(), 1, generator=generator).to(points.device)
        centres = torch.cat([centres, points[chosen]])
    for _ in range(iterations):
        nearest = torch.cdist(points, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        sizes = torch.bincount(nearest, minlength=count).unsqueeze(1)
        moved = torch.where(sizes > 0, sums / sizes.clamp(min=1), centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres


class ClusterTable(nn.Module):
    """Up to K feature centres for each of N classes, saved with the generator.

    Args:
        classes: N.
        clusters: K.
        features: F.
    """

    centres: Tensor
    counts: Tensor

    def __init__(self, classes: int, clusters: int, features: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.zeros(classes, clusters, features))
        self.register_buffer("counts", torch.zeros(classes, dtype=torch.long))

    @property
    def fitted(self) -> bool:
        """Whether any class has a centre."""
        return bool(self.counts.any())

    def set(self, class_id: int, centres: Tensor) -> None:
        """Stores the centres (k, F) of one class."""
        self.centres[class_id, : len(centres)] = centres.to(self.centres)
        self.counts[class_id] = len(centres)

    def sample(
        self,
        label: Tensor,
        instance: Tensor,
        choice: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Draws one centre for every instance.

        Args:
            label: (B, H, W) class ids.
            instance: (B, H, W) instance ids.
            choice: always take this centre (modulo the class's number); None draws at random.
            generator: random numbers of the draw (on the CPU).

        Returns:
            (B, F, H, W); zero for classes that were never seen.
        """
        pairs = torch.stack([label.long(), instance.long()], dim=-1)
        batch = torch.arange(len(pairs), device=pairs.device)[:, None, None, None].expand(*pairs.shape[:3], 1)
        segments, index = torch.unique(
            torch.cat([batch, pairs], dim=-1).reshape(-1, 3), dim=0, return_inverse=True
        )
        classes = segments[:, 1]
        counts = self.counts[classes]
        if choice is None:
            drawn = torch.rand(len(segments), generator=generator).to(counts.device)
            chosen = (drawn * counts).long().clamp(max=self.centres.shape[1] - 1)
        else:
            chosen = choice % counts.clamp(min=1)
        features = self.centres[classes, chosen] * (counts > 0).unsqueeze(1)
        return features[index].reshape(*label.shape, -1).permute(0, 3, 1, 2)
