"""One module a data-set layout; each names its pairs a split and reads them."""

from asap_lightning.data.layout import AnyConditionLayout, Item, LabelLayout, Layout, Split
from asap_lightning.data.layouts.ade20k import Ade20k
from asap_lightning.data.layouts.cityscapes import Cityscapes
from asap_lightning.data.layouts.cmp import CmpFacades
from asap_lightning.data.layouts.conditions import ConditionFolder
from asap_lightning.data.layouts.deepfashion import DeepFashionPoses
from asap_lightning.data.layouts.folders import TwoFolders
from asap_lightning.data.layouts.nyu import NyuDepth
from asap_lightning.data.layouts.pairs import SideBySide
from asap_lightning.data.layouts.photos import Photos
from asap_lightning.data.layouts.pix2pixhd import Pix2PixHDFolders
from asap_lightning.data.layouts.shards import Shards
from asap_lightning.data.layouts.spade import SpadeFolders
from asap_lightning.data.recognition import know, recognise

RECOGNISED: tuple[type[Layout], ...] = (
    Shards,
    CmpFacades,
    Cityscapes,
    NyuDepth,
    DeepFashionPoses,
    Ade20k,
    SpadeFolders,
    Pix2PixHDFolders,
    TwoFolders,
    SideBySide,
)
"""The layouts that `recognise` knows, the most particular first."""

know(RECOGNISED)

__all__ = [
    "RECOGNISED",
    "Ade20k",
    "AnyConditionLayout",
    "Cityscapes",
    "CmpFacades",
    "ConditionFolder",
    "DeepFashionPoses",
    "Item",
    "LabelLayout",
    "Layout",
    "NyuDepth",
    "Photos",
    "Pix2PixHDFolders",
    "Shards",
    "SideBySide",
    "SpadeFolders",
    "Split",
    "TwoFolders",
    "recognise",
]
