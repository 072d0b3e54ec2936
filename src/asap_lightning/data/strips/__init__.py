"""Pictures read some rows at a time, with memory for these rows alone."""

from asap_lightning.data.strips.opening import SUFFIXES, is_zarr, open_strips, stored_size
from asap_lightning.data.strips.strips import MOST_PIXELS, Strips

__all__ = ["MOST_PIXELS", "SUFFIXES", "Strips", "is_zarr", "open_strips", "stored_size"]
