"""The layer norm of CRN and SIMS (TensorFlow's `tf.contrib.layers.layer_norm`)."""

from __future__ import annotations

from functools import partial

from torch import nn

layer_norm = partial(nn.GroupNorm, 1, eps=1e-12)
"""Layer norm over channels and positions, scale and shift per channel."""
