"""Layers that several networks share."""

from asap_lightning.models.layers.always_training import BatchStatisticsNorm2d, Dropout
from asap_lightning.models.layers.initialize import normal_init, xavier_init
from asap_lightning.models.layers.layer_norm import layer_norm
from asap_lightning.models.layers.positional_norm import PositionalNorm2d
from asap_lightning.models.layers.residual import (
    Norm,
    PaddingMode,
    ResidualBlock,
    ResnetTrunk,
    WeightNorm,
    conv_norm_relu,
    image_head,
    needs_bias,
    unchanged,
)
from asap_lightning.models.layers.spectral_norm import SpectralNorm, spectral_norm

__all__ = [
    "BatchStatisticsNorm2d",
    "Dropout",
    "Norm",
    "PaddingMode",
    "PositionalNorm2d",
    "ResidualBlock",
    "ResnetTrunk",
    "SpectralNorm",
    "WeightNorm",
    "conv_norm_relu",
    "image_head",
    "layer_norm",
    "needs_bias",
    "normal_init",
    "spectral_norm",
    "unchanged",
    "xavier_init",
]
