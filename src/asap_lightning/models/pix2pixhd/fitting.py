"""Fitting the feature clusters of a pix2pixHD generator to a training set."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from asap_lightning.condition import Condition
from asap_lightning.models.pix2pixhd.clusters import kmeans
from asap_lightning.models.pix2pixhd.generator import Pix2pixHDGenerator


@torch.no_grad()
def fit_clusters(
    generator: Pix2pixHDGenerator, pairs: Iterable[tuple[Condition, Tensor]], *, seed: int = 0
) -> None:
    """Encodes the photos of a training set and stores each class's feature clusters in the generator.

    Args:
        generator: a pix2pixHD generator with an encoder, for label conditions.
        pairs: conditions with instance maps, and their photos (B, 3, H, W).
        seed: of the k-means starts.
    """
    encoder, table = generator.encoder, generator.clusters
    if encoder is None or table is None:
        raise ValueError("feature clusters need a generator for label maps with features > 0")
    found: dict[int, list[Tensor]] = {}
    for condition, photo in pairs:
        label, instance = condition.require_label(), condition.require_instance()
        features = encoder(photo, instance).permute(0, 2, 3, 1)
        for image in range(len(label)):
            keys = torch.stack([label[image].long(), instance[image].long()], -1).reshape(-1, 2)
            unique, index = torch.unique(keys, dim=0, return_inverse=True)
            sums = features.new_zeros(len(unique), features.shape[-1])
            sums.index_add_(0, index, features[image].reshape(-1, features.shape[-1]))
            means = sums / torch.bincount(index).unsqueeze(1)
            for (class_id, _), mean in zip(unique.tolist(), means, strict=True):
                found.setdefault(class_id, []).append(mean.cpu())
    random = torch.Generator().manual_seed(seed)
    for class_id, points in sorted(found.items()):
        table.set(class_id, kmeans(torch.stack(points), table.centres.shape[1], generator=random))
