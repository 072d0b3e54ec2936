"""SIMS: semi-parametric image synthesis, its networks (Qi et al., CVPR 2018)."""

from asap_lightning.models.sims.affine import warped
from asap_lightning.models.sims.alignment import AlignmentNetwork
from asap_lightning.models.sims.generator import SimsGenerator
from asap_lightning.models.sims.order import OrderNetwork
from asap_lightning.models.sims.planes import coloured
from asap_lightning.models.sims.trunk import Trunk

__all__ = [
    "AlignmentNetwork",
    "OrderNetwork",
    "SimsGenerator",
    "Trunk",
    "coloured",
    "warped",
]
