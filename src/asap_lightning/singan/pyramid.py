"""Arithmetic of the pyramid: how many scales an image has, how large they are, and the image at each.

The published program derives the number of scales from a wanted factor, and then adjusts the factor so that
the ends fit: the longest side of the finest scale and the shortest side of the coarsest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.singan.resize import imresize

MIN_SIZE, MAX_SIZE, FACTOR = 25, 250, 0.75
SUPER_RESOLUTION_MIN_SIZE = 18
NAMED_MIN_SIZES = (25, 20, 18)
Size = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """The scales of one image.

    Attributes:
        shrink: factor from the given image to the finest scale, at most 1.
        factor: r < 1, from one scale to the next coarser.
        sizes: height and width of every scale, the coarsest first.
    """

    shrink: float
    factor: float
    sizes: tuple[Size, ...]

    @property
    def count(self) -> int:
        return len(self.sizes)


def plan(
    height: int,
    width: int,
    *,
    min_size: int = MIN_SIZE,
    max_size: int = MAX_SIZE,
    factor: float = FACTOR,
) -> Plan:
    """The scales of an image of this size (``adjust_scales2image`` of the published program).

    n = ceil(log(min_size / min side) / log factor) + 1;
    stop = n - ceil(log(min(max_size, max side) / max side) / log factor);
    r = (min_size / min side after shrinking) ** (1 / stop). There are stop + 1 scales.

    Args:
        height, width: of the image, in pixels.
        min_size: shorter side of the coarsest scale, about.
        max_size: longer side of the finest scale, at most.
        factor: wanted factor between two scales.

    Raises:
        UserError: what is left of the image is no larger than the coarsest scale.
    """
    longer, shorter = max(height, width), min(height, width)
    scales = math.ceil(math.log(min_size / shorter, factor)) + 1
    stop = scales - math.ceil(math.log(min(max_size, longer) / longer, factor))
    return _fitted(height, width, min_size, max_size, stop)


def plan_super_resolution(height: int, width: int, times: float, *, max_size: int = MAX_SIZE) -> Plan:
    """The scales that a super-resolution by ``times`` is trained with (``adjust_scales2image_SR``).

    As `plan` with a coarsest side of 18 and the wanted factor 1 / step, both counts cut instead of rounded
    up, and the width taken for the longer side, as the published program does.

    Raises:
        UserError: as `plan`.
        ValueError: ``times`` is not above 1.
    """
    min_size, factor = SUPER_RESOLUTION_MIN_SIZE, 1 / upscale_step(times)[1]
    scales = int(math.log(min_size / min(height, width), factor)) + 1
    stop = scales - int(math.log(min(max_size, max(height, width)) / width, factor))
    return _fitted(height, width, min_size, max_size, stop)


def upscale_step(times: float) -> tuple[int, float]:
    """How often the finest generator is applied to enlarge ``times``, and how far each time.

    k = round(log(1 / times) / log(0.5 ** (1/3))), at least 1; step = times ** (1 / k).

    Raises:
        ValueError: ``times`` is not above 1.
    """
    if not times > 1:
        raise ValueError(f"an enlargement is above 1, got {times}")
    applied = max(1, round(math.log(1 / times, 0.5 ** (1 / 3))))
    return applied, times ** (1 / applied)


def _fitted(height: int, width: int, min_size: int, max_size: int, stop: int) -> Plan:
    shrink = min(max_size / max(height, width), 1.0)
    top = (math.ceil(height * shrink), math.ceil(width * shrink)) if shrink < 1 else (height, width)
    if min(top) <= min_size or stop < 1:
        shrunk = (
            f", {top[0]} x {top[1]} after shrinking to max_size={max_size}" if top != (height, width) else ""
        )
        raise UserError(
            f"the image is {height} x {width} pixels{shrunk}; its shorter side must be above {min_size}, the "
            "shorter side of the coarsest scale: take a larger image"
            + (", or a larger max_size=" if shrunk else "")
        )
    factor = (min_size / min(top)) ** (1 / stop)
    return Plan(shrink, factor, level_sizes(top, factor, stop + 1))


def level_sizes(top: Size, factor: float, count: int) -> tuple[Size, ...]:
    """Height and width of every scale below and with ``top``: ceil(side * factor ** (count - 1 - i))."""
    scales = (factor ** (count - 1 - index) for index in range(count))
    return tuple((math.ceil(top[0] * scale), math.ceil(top[1] * scale)) for scale in scales)


def make_levels(image: Tensor, wanted: Plan) -> list[Tensor]:
    """The image at every scale, the coarsest first, each made from the shrunk image at once.

    Args:
        image: (1, 3, H, W) in [-1, 1], of the size that ``wanted`` was made for.
        wanted: from `plan`.

    Returns:
        (1, 3, h, w) in [-1, 1] for each of ``wanted.sizes``.
    """
    # also with a factor of 1: the 8-bit round trip belongs to the method
    top = imresize(image, wanted.shrink)
    last = wanted.count - 1
    return [imresize(top, wanted.factor ** (last - index)) for index in range(wanted.count)]


def factor_of(sizes: Sequence[Size]) -> float:
    """The factor r of a pyramid of which only the sizes are known.

    r = (min_size / min side) ** (1 / stop) for the coarsest sides in use (25, 20, 18) where that gives all
    the sizes; otherwise the middle of the interval in which every r does.

    Raises:
        ValueError: no factor gives these sizes.
    """
    top, stop = sizes[-1], len(sizes) - 1
    if stop == 0:
        return FACTOR
    for min_size in NAMED_MIN_SIZES:
        factor = (min_size / min(top)) ** (1 / stop)
        if factor < 1 and level_sizes(top, factor, len(sizes)) == tuple(sizes):
            return factor
    low, high = 0.0, 1.0
    for index, size in enumerate(sizes[:-1]):
        for side, whole in zip(size, top, strict=True):
            low = max(low, ((side - 1) / whole) ** (1 / (stop - index)))
            high = min(high, (side / whole) ** (1 / (stop - index)))
    if not low < high:
        raise ValueError(f"no factor makes scales of {', '.join(f'{h} x {w}' for h, w in sizes)}")
    return (low + high) / 2
