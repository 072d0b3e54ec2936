"""Adversarial objectives.

Each is an object with three functions of one prediction map; `over_scales` averages a function over the
scales of a discriminator, whose last feature is its prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

Features = Sequence[Sequence[Tensor]]


def over_scales(function: Callable[[Tensor], Tensor], features: Features) -> Tensor:
    """Mean over the scales of ``function(prediction)``, computed in float32."""
    return torch.stack([function(scale[-1].float()) for scale in features]).mean()


class AdversarialLoss:
    """What the discriminator minimises on real and on fake images, and the generator on fake ones."""

    def real(self, prediction: Tensor) -> Tensor:
        """The discriminator's loss on real images; a scalar."""
        raise NotImplementedError

    def fake(self, prediction: Tensor) -> Tensor:
        """The discriminator's loss on generated images; a scalar."""
        raise NotImplementedError

    def generator(self, prediction: Tensor) -> Tensor:
        """The generator's loss on its images; a scalar."""
        raise NotImplementedError


class HingeLoss(AdversarialLoss):
    """D: mean(relu(1 - real)) + mean(relu(1 + fake)); G: -mean(fake) (Lim and Ye, 2017)."""

    def real(self, prediction: Tensor) -> Tensor:
        return F.relu(1 - prediction).mean()

    def fake(self, prediction: Tensor) -> Tensor:
        return F.relu(1 + prediction).mean()

    def generator(self, prediction: Tensor) -> Tensor:
        return -prediction.mean()


class LeastSquaresLoss(AdversarialLoss):
    """D: mean((real - 1)^2) + mean(fake^2); G: mean((fake - 1)^2) (Mao et al., 2017)."""

    def real(self, prediction: Tensor) -> Tensor:
        return (prediction - 1).square().mean()

    def fake(self, prediction: Tensor) -> Tensor:
        return prediction.square().mean()

    def generator(self, prediction: Tensor) -> Tensor:
        return self.real(prediction)


class CrossEntropyLoss(AdversarialLoss):
    """Binary cross entropy on logits; G maximises log D, not log(1 - D) (Goodfellow et al., 2014)."""

    def real(self, prediction: Tensor) -> Tensor:
        return F.softplus(-prediction).mean()

    def fake(self, prediction: Tensor) -> Tensor:
        return F.softplus(prediction).mean()

    def generator(self, prediction: Tensor) -> Tensor:
        return self.real(prediction)


class WassersteinLoss(AdversarialLoss):
    """D: -mean(real) + mean(fake); G: -mean(fake) (Arjovsky et al., 2017)."""

    def real(self, prediction: Tensor) -> Tensor:
        return -prediction.mean()

    def fake(self, prediction: Tensor) -> Tensor:
        return prediction.mean()

    def generator(self, prediction: Tensor) -> Tensor:
        return self.real(prediction)
