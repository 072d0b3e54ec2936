"""Objectives of generator and discriminator: each returns named, weighted terms."""

from asap_lightning.losses.adversarial import (
    AdversarialLoss,
    CrossEntropyLoss,
    HingeLoss,
    LeastSquaresLoss,
    WassersteinLoss,
)
from asap_lightning.losses.content import ContentLoss
from asap_lightning.losses.contextual import contextual_loss
from asap_lightning.losses.exemplar import ExemplarObjective, ExemplarPerceptualLoss
from asap_lightning.losses.objective import TranslationObjective
from asap_lightning.losses.perceptual import PerceptualLoss
from asap_lightning.losses.terms import feature_matching, kl_divergence

__all__ = [
    "AdversarialLoss",
    "ContentLoss",
    "CrossEntropyLoss",
    "ExemplarObjective",
    "ExemplarPerceptualLoss",
    "HingeLoss",
    "LeastSquaresLoss",
    "PerceptualLoss",
    "TranslationObjective",
    "WassersteinLoss",
    "contextual_loss",
    "feature_matching",
    "kl_divergence",
]
