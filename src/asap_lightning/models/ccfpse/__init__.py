"""CC-FPSE: predicting layout-to-image conditional convolutions (Liu et al., NeurIPS 2019)."""

from asap_lightning.models.ccfpse.block import ConditionalBlock, conditional_convolution
from asap_lightning.models.ccfpse.generator import CcFpseGenerator
from asap_lightning.models.ccfpse.pyramid import LabelPyramid

__all__ = ["CcFpseGenerator", "ConditionalBlock", "LabelPyramid", "conditional_convolution"]
