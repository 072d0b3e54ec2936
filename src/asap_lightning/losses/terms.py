"""Loss terms as pure functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.losses.adversarial import Features


def feature_matching(fake: Features, real: Features) -> Tensor:
    """L1 distance of every feature but the prediction, summed over layers, averaged over scales.

    Gradients flow into ``fake`` only (Wang et al., 2018, equation 4).
    """
    distances = [
        torch.stack(
            [F.l1_loss(f.float(), r.detach().float()) for f, r in zip(fakes[:-1], reals[:-1], strict=True)]
        ).sum()
        for fakes, reals in zip(fake, real, strict=True)
    ]
    return torch.stack(distances).mean()


def class_cross_entropy(logits: Tensor, planes: Tensor) -> Tensor:
    """Cross-entropy of a head of classes with the layout, a mean over pixels (SIMS section 4.3).

    Args:
        logits: (B, N, H, W).
        planes: (B, C, H, W), the dense condition, whose first N channels are the layout, one-hot.
    """
    return F.cross_entropy(logits.float(), planes[:, : logits.shape[1]].argmax(1))


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)), summed over batch and dimensions as SPADE does, not averaged."""
    return -0.5 * torch.sum(1 + logvar - mu.square() - logvar.exp())
