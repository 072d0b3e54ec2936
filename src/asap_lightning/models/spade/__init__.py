"""SPADE / GauGAN: semantic image synthesis with spatially-adaptive normalisation (Park et al., CVPR 2019)."""

from asap_lightning.models.spade.encoder import StyleEncoder, reparameterize
from asap_lightning.models.spade.generator import SpadeGenerator
from asap_lightning.models.spade.normalization import Spade, SpadeBlock

__all__ = ["Spade", "SpadeBlock", "SpadeGenerator", "StyleEncoder", "reparameterize"]
