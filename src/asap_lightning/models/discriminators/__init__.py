"""Discriminators: modules called with (condition planes, image) that return features per scale."""

from asap_lightning.models.discriminators.fpse import FpseDiscriminator
from asap_lightning.models.discriminators.multiscale import MultiscaleDiscriminator, PatchDiscriminator
from asap_lightning.models.discriminators.patchgan import ConvolutionStack, PatchGan, PixelGan
from asap_lightning.models.discriminators.pix2pixhd import Pix2pixHDDiscriminator

__all__ = [
    "ConvolutionStack",
    "FpseDiscriminator",
    "MultiscaleDiscriminator",
    "PatchDiscriminator",
    "PatchGan",
    "Pix2pixHDDiscriminator",
    "PixelGan",
]
