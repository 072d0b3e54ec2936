"""HDRNet: deep bilateral learning for real-time image enhancement (Gharbi et al., SIGGRAPH 2017)."""

from asap_lightning.models.hdrnet.coefficients import CoefficientNetwork
from asap_lightning.models.hdrnet.generator import HdrnetGenerator
from asap_lightning.models.hdrnet.guide import CurveGuide, PointwiseGuide

__all__ = ["CoefficientNetwork", "CurveGuide", "HdrnetGenerator", "PointwiseGuide"]
