"""Discriminators: modules called with (condition planes, image) that return features per scale."""

from asap_lightning.models.discriminators.base import Discriminator, Features
from asap_lightning.models.discriminators.fpse import FpseDiscriminator
from asap_lightning.models.discriminators.multiscale import MultiscaleDiscriminator, SpadePatchNetwork
from asap_lightning.models.discriminators.patchgan import PatchGan, PatchNetwork, PixelGan
from asap_lightning.models.discriminators.pix2pixhd import Pix2pixHDDiscriminator

__all__ = [
    "Discriminator",
    "Features",
    "FpseDiscriminator",
    "MultiscaleDiscriminator",
    "PatchGan",
    "PatchNetwork",
    "Pix2pixHDDiscriminator",
    "PixelGan",
    "SpadePatchNetwork",
]
