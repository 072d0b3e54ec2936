"""Pictures read some rows at a time, with memory for these rows alone."""

from asap_lightning.data.strips.arrays import is_zarr, read_described
from asap_lightning.data.strips.opening import SUFFIXES, open_strips, stored_size
from asap_lightning.data.strips.strips import MOST_PIXELS, Strips

__all__ = ["MOST_PIXELS", "SUFFIXES", "Strips", "is_zarr", "open_strips", "read_described", "stored_size"]
