"""The maths that must be fast, as pure functions, each with a slow obvious reference beside it."""

from asap_lightning.ops.bilateral import bilateral_slice, bilateral_slice_apply
from asap_lightning.ops.encoding import positional_encoding
from asap_lightning.ops.layout import MlpLayout
from asap_lightning.ops.pixelwise import from_tiles, pixelwise_mlp, to_tiles
from asap_lightning.ops.pooling import class_pool, tent_downsample

__all__ = [
    "MlpLayout",
    "bilateral_slice",
    "bilateral_slice_apply",
    "class_pool",
    "from_tiles",
    "pixelwise_mlp",
    "positional_encoding",
    "tent_downsample",
    "to_tiles",
]
