"""pix2pix: image-to-image translation with conditional adversarial networks (Isola et al., CVPR 2017)."""

from asap_lightning.models.pix2pix.resnet import ResnetGenerator
from asap_lightning.models.pix2pix.unet import UNet, UNetGenerator

__all__ = ["ResnetGenerator", "UNet", "UNetGenerator"]
