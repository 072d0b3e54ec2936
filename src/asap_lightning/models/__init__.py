"""Networks only: PyTorch and nothing of Lightning, Hydra or W&B."""

from asap_lightning.models.asap import AsapGenerator
from asap_lightning.models.ccfpse import CcFpseGenerator
from asap_lightning.models.cocosnet import CocosnetGenerator
from asap_lightning.models.cppn import CppnGenerator
from asap_lightning.models.crn import CrnGenerator
from asap_lightning.models.discriminators import (
    Discriminator,
    FpseDiscriminator,
    MultiscaleDiscriminator,
    PatchGan,
    Pix2pixHDDiscriminator,
    PixelGan,
)
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.hdrnet import HdrnetGenerator
from asap_lightning.models.pix2pix import ResnetGenerator, UNetGenerator
from asap_lightning.models.pix2pixhd import Pix2pixHDGenerator
from asap_lightning.models.sims import SimsGenerator
from asap_lightning.models.spade import SpadeGenerator

__all__ = [
    "AsapGenerator",
    "CcFpseGenerator",
    "CocosnetGenerator",
    "CppnGenerator",
    "CrnGenerator",
    "Discriminator",
    "FpseDiscriminator",
    "Generator",
    "GeneratorOutput",
    "HdrnetGenerator",
    "MultiscaleDiscriminator",
    "PatchGan",
    "Pix2pixHDDiscriminator",
    "Pix2pixHDGenerator",
    "PixelGan",
    "ResnetGenerator",
    "SimsGenerator",
    "SpadeGenerator",
    "UNetGenerator",
]
