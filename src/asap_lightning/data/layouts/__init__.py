"""One module a data-set layout; each names its pairs a split and reads them."""

from asap_lightning.data.layouts.base import AnyConditionLayout, Item, LabelLayout, Layout, Split
from asap_lightning.data.layouts.cityscapes import Cityscapes
from asap_lightning.data.layouts.cmp import CmpFacades
from asap_lightning.data.layouts.folders import TwoFolders
from asap_lightning.data.layouts.recognise import recognise
from asap_lightning.data.layouts.spade import SpadeFolders

RECOGNISED: tuple[type[Layout], ...] = (CmpFacades, Cityscapes, SpadeFolders, TwoFolders)

__all__ = [
    "RECOGNISED",
    "AnyConditionLayout",
    "Cityscapes",
    "CmpFacades",
    "Item",
    "LabelLayout",
    "Layout",
    "SpadeFolders",
    "Split",
    "TwoFolders",
    "recognise",
]
