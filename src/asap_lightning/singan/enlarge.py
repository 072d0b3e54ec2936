"""Enlarging one scale's image to the next, as `resize.imresize` does, in little memory and on a circle.

Every pixel is a sum of six others along each axis, so neither the matrices of `imresize` nor more than a
strip of float64 is held at a time.

Axes: B batch, C colours, H height, W width.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from asap_lightning.singan.resize import resize_taps

STRIP = 1 << 21
"""Float64 numbers of a strip: 16 MiB."""
Plan = tuple[Tensor, Tensor]


def enlarge(
    image: Tensor, scale: float, keep: tuple[int, int] | None = None, *, wrap: bool = False
) -> Tensor:
    """``imresize(image, scale)``, of which the first ``keep`` rows and columns are made.

    Args:
        image: (B, C, H, W); what lies outside [-1, 1] is clamped.
        scale: of both axes; the size is rounded up. On a circle it follows from ``keep``.
        keep: height and width; less where the resized image has less. None: all of it.
        wrap: the image is a torus, and all of it is brought to ``keep``, so that its borders fit each other.

    Returns:
        (B, C, H', W') in [-1, 1], same dtype and device.
    """
    sides = []
    for side, wanted in zip(image.shape[-2:], keep or (None, None), strict=True):
        if wrap:
            if wanted is None:
                raise ValueError("the size of a torus must be given")
            sides.append(_plan(side, wanted, wanted / side, wanted, True))
        else:
            target = math.ceil(side * scale)
            sides.append(_plan(side, target, scale, target if wanted is None else min(target, wanted), False))
    return _resampled(image, sides[0], sides[1])


@lru_cache(maxsize=128)
def _plan(length: int, target: int, scale: float, keep: int, wrap: bool) -> Plan:
    """Weights (taps, keep) and sources (taps, keep) of one axis, without taps that weigh nothing anywhere."""
    weights, source = resize_taps(length, target, scale, wrap=wrap)
    weights, source = weights[:keep].T, source[:keep].T
    used = weights.abs().amax(1) > 0
    return weights[used].contiguous(), source[used].contiguous()


def _resampled(image: Tensor, down: Plan, across: Plan) -> Tensor:
    pixels = (((image + 1) / 2).clamp(0, 1) * 255).to(torch.uint8)
    (down_weights, down_source), (weights, source) = (
        (w.to(image.device), s.to(image.device)) for w, s in (down, across)
    )
    height, width = down_source.shape[1], source.shape[1]
    out = image.new_empty(*image.shape[:2], height, width)
    rows = max(1, STRIP // (out.shape[0] * out.shape[1] * max(width, image.shape[-1])))
    for begin in range(0, height, rows):
        part = slice(begin, begin + rows)
        strip = _weighted(pixels, down_weights[:, part], down_source[:, part])
        # as rows again: they are copied whole, columns value by value
        strip = _weighted(strip.transpose(2, 3).contiguous(), weights, source).transpose(2, 3)
        out[:, :, part] = (((strip / 255).to(image.dtype) - 0.5) * 2).clamp(-1, 1)
    return out


def _weighted(values: Tensor, weights: Tensor, source: Tensor) -> Tensor:
    """Rows that are sums over taps of weight times the row at its source; (taps, rows) each, float64."""
    total = values.index_select(2, source[0]).double() * weights[0, :, None]
    for weight, index in zip(weights[1:], source[1:], strict=True):
        total.addcmul_(values.index_select(2, index).double(), weight[:, None])
    return total
