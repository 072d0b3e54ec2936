"""The contextual loss: how well the things in one image are found in another, wherever they lie."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MOST_CELLS = 4096
"""Places of a feature map that are compared with each other; larger maps are averaged down to so many."""


def contextual_loss(fake: Tensor, target: Tensor, *, bandwidth: float = 0.1, eps: float = 1e-3) -> Tensor:
    """-log of the mean over the fake's places i of max_j A_ij, the batch's mean (Mechrez et al., 2018).

    d_ij is the cosine distance of the features at place i of the fake and j of the target, both less the mean
    of the target's; A_ij = softmax_j((1 - d_ij / (min_k d_ik + eps)) / bandwidth).

    Args:
        fake, target: feature maps (B, C, h, w), each of any size; gradients flow into ``fake`` only.
        bandwidth: h of the paper.
        eps: of the division, as in CoCosNet.

    Returns:
        A scalar.
    """
    losses = []
    for ours, theirs in zip(at_most(fake.float()), at_most(target.detach().float()), strict=True):
        ours, theirs = ours.flatten(1), theirs.flatten(1)
        mean = theirs.mean(1, keepdim=True)
        similarity = F.normalize(ours - mean, dim=0).t() @ F.normalize(theirs - mean, dim=0)
        distance = (1 - similarity).clamp_min(0)
        relative = distance / (distance.amin(1, keepdim=True) + eps)
        share = ((1 - relative) / bandwidth).softmax(1).amax(1)
        losses.append(-share.mean().log())
    return torch.stack(losses).mean()


def at_most(features: Tensor, cells: int = MOST_CELLS) -> Tensor:
    """Maps (B, C, h, w) averaged over squares until they have at most so many places."""
    height, width = features.shape[-2:]
    side = 1
    while (height // side) * (width // side) > cells:
        side += 1
    return features if side == 1 else F.avg_pool2d(features, side)
