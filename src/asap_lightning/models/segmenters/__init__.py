"""Networks that label photos: those whose scores papers print, and a small one that is trained here.

Names are imported when first asked for: translating needs none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.models.segmenters.compact import CompactUNet as CompactUNet
    from asap_lightning.models.segmenters.deeplab import DeepLabV2 as DeepLabV2
    from asap_lightning.models.segmenters.drn import DilatedResnet as DilatedResnet
    from asap_lightning.models.segmenters.fcn import Fcn8s as Fcn8s
    from asap_lightning.models.segmenters.segmenter import Normalisation as Normalisation
    from asap_lightning.models.segmenters.segmenter import Segmenter as Segmenter
    from asap_lightning.models.segmenters.segmenter import Sizes as Sizes
    from asap_lightning.models.segmenters.upernet import UPerNet as UPerNet

_HOMES = {
    "CompactUNet": "compact",
    "DeepLabV2": "deeplab",
    "DilatedResnet": "drn",
    "Fcn8s": "fcn",
    "Normalisation": "segmenter",
    "Segmenter": "segmenter",
    "Sizes": "segmenter",
    "UPerNet": "upernet",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
