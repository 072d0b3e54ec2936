"""ASAP-Net: spatially-adaptive pixelwise networks (Shaham et al., CVPR 2021)."""

from asap_lightning.models.asap.generator import AsapGenerator, resolve_s1
from asap_lightning.models.asap.lowres_stream import LowResStream

__all__ = ["AsapGenerator", "LowResStream", "resolve_s1"]
