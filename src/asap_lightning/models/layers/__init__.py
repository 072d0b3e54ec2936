"""Layers that several networks share."""

from asap_lightning.models.layers.initialize import xavier_init
from asap_lightning.models.layers.spectral_norm import SpectralNorm, spectral_norm

__all__ = ["SpectralNorm", "spectral_norm", "xavier_init"]
