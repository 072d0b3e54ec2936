"""CoCosNet v2: full-resolution correspondence learning for image translation (Zhou et al., CVPR 2021)."""

from asap_lightning.models.cocosnet.correspondence import CorrespondencePyramid, Matched
from asap_lightning.models.cocosnet.generator import CocosnetGenerator
from asap_lightning.models.cocosnet.patch_match import PatchMatch

__all__ = ["CocosnetGenerator", "CorrespondencePyramid", "Matched", "PatchMatch"]
