"""CRN: photographic image synthesis with cascaded refinement networks (Chen and Koltun, ICCV 2017)."""

from asap_lightning.models.crn.generator import CrnGenerator, RefinementModule

__all__ = ["CrnGenerator", "RefinementModule"]
