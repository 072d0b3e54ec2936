"""Few colours: k-means of a picture's pixels, and another picture's pixels in the same palette.

Paint-to-image brings painting and training image to the same few colours, so that a generator trained on the
one knows the other. The published program clusters three neighbours of one channel, by an oversight; here a
point is a pixel's colour, as the paper says.

Axes: N pixels, K colours.
"""

from __future__ import annotations

import torch
from torch import Tensor

COLOURS = 5
STEPS = 300


def centres_of(image: Tensor, count: int = COLOURS, *, seed: int = 0, attempts: int = 4) -> Tensor:
    """The k-means centres of a picture's colours, darkest first.

    Begun by k-means++ (Arthur and Vassilvitskii 2007); the attempt of least squared distance counts.

    Args:
        image: (1, C, H, W).
        count: K; fewer where the picture has fewer colours.
        seed: of the beginnings.
        attempts: beginnings.

    Returns:
        (K, C).
    """
    points = _points(image)
    random = torch.Generator().manual_seed(seed)
    found = [lloyd(points, _begin(points, count, random)) for _ in range(attempts)]
    best = min(found, key=lambda centres: float(_distances(points, centres).amin(1).sum()))
    return best[best.sum(1).argsort()].to(image.dtype)


def lloyd(points: Tensor, centres: Tensor) -> Tensor:
    """Lloyd's iterations from these centres to their end: (N, C), (K, C) -> (K, C)."""
    for _ in range(STEPS):
        nearest = _distances(points, centres).argmin(1)
        counts = torch.bincount(nearest, minlength=len(centres)).unsqueeze(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        moved = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres


def recoloured(image: Tensor, centres: Tensor) -> Tensor:
    """A picture in a palette: its own clusters, found from the palette's colours, get those colours.

    Clusters move with the picture, so a blue that the palette has not becomes the palette's nearest in kind.

    Args:
        image: (1, C, H, W).
        centres: (K, C).

    Returns:
        (1, C, H, W); every pixel one of the centres.
    """
    points = _points(image)
    labels = _distances(points, lloyd(points, centres.to(points))).argmin(1)
    colours = centres.to(image)[labels.to(image.device)]
    return colours.T.reshape(image.shape[1], 1, *image.shape[-2:]).transpose(0, 1)


def _points(image: Tensor) -> Tensor:
    return image[0].flatten(1).T.to("cpu", torch.float64)


def _distances(points: Tensor, centres: Tensor) -> Tensor:
    return ((points.unsqueeze(1) - centres.unsqueeze(0)) ** 2).sum(2)


def _begin(points: Tensor, count: int, random: torch.Generator) -> Tensor:
    chosen = points[torch.randint(len(points), (1,), generator=random)]
    while len(chosen) < count:
        far = _distances(points, chosen).amin(1)
        if not float(far.sum()) > 0:  # no further colour
            break
        chosen = torch.cat([chosen, points[torch.multinomial(far, 1, generator=random)]])
    return chosen
