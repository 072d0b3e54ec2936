"""Random samples of a pyramid: any size and aspect, from any start scale, reproducible by a seed.

Shaham et al. 2019, section 4: generation that starts at scale n keeps what the coarser scales reconstruct, so
the larger n, the closer a sample's layout is to the image's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.singan.noise import Noise, SeededNoise
from asap_lightning.singan.passing import Ascent, Size
from asap_lightning.singan.resize import imresize

if TYPE_CHECKING:
    from asap_lightning.singan.checkpoint import Pyramid

LEAST_COARSE = 3
"""Pixels of a side that the coarsest scale needs to hold any layout."""
MOST_PIXELS = 1 << 27
"""Of a canvas: 134 million."""


def sample(
    pyramid: Pyramid,
    *,
    count: int = 1,
    start_scale: int = 0,
    height: int | None = None,
    width: int | None = None,
    seed: int = 0,
    tileable: bool = False,
    tile: int | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Random samples, (count, C, H, W) in [-1, 1].

    Args:
        pyramid: finished scales.
        count: of samples.
        start_scale: coarser scales rebuild the image; where the size is another, their result is stretched.
        height: of the samples; None: the image's, or as ``width`` has it.
        width: likewise. One alone keeps the image's aspect.
        seed: sample k of a seed is the same whatever ``count`` is.
        tileable: copies of a sample fit each other on all sides.
        tile: side of the pieces that a canvas is computed in (see `Ascent`).
        device: where it is computed.

    Raises:
        UserError: a start scale or a size that the pyramid has not.
    """
    if count < 1:
        raise UserError(f"count={count}: at least one sample was expected")
    drawn = samples(
        pyramid,
        range(count),
        start_scale,
        height=height,
        width=width,
        seed=seed,
        tileable=tileable,
        tile=tile,
        device=device,
    )
    return torch.cat(list(drawn))


def samples(
    pyramid: Pyramid,
    numbers: range,
    start_scale: int = 0,
    *,
    height: int | None = None,
    width: int | None = None,
    seed: int = 0,
    tileable: bool = False,
    tile: int | None = None,
    device: torch.device | str = "cpu",
) -> Iterator[Tensor]:
    """As `sample`, the samples of these numbers one after the other, each (1, C, H, W)."""
    require_scale(pyramid, start_scale, "start_scale")
    ascent = Ascent(pyramid, wrap=tileable, tile=tile, device=device)
    sizes = ascent.sizes_for(*canvas(pyramid, height, width))
    for number in numbers:
        yield draw(ascent, SeededNoise(seed, number), start_scale, sizes)


def draw(ascent: Ascent, noise: Noise, start_scale: int = 0, sizes: list[Size] | None = None) -> Tensor:
    """One sample, (1, C, H, W), from this noise.

    Args:
        ascent: of the pyramid.
        noise: of the scales from ``start_scale`` on.
        start_scale: as in `sample`.
        sizes: of the canvas at every scale; None: the image's.
    """
    sizes = ascent.sizes if sizes is None else sizes
    image = layout(ascent, start_scale) if start_scale else None
    if image is not None and image.shape[-2:] != sizes[start_scale - 1]:
        image = imresize(image, size=sizes[start_scale - 1])
    return ascent.run(noise, sizes=sizes, first=start_scale, image=image)


def layout(ascent: Ascent, stop: int) -> Tensor | None:
    """What the scales below ``stop`` rebuild, computed as in training: with borders."""
    return Ascent(ascent.pyramid, device=ascent.device).reconstruct(stop)


def require_scale(pyramid: Pyramid, scale: int, name: str, *, least: int = 0) -> None:
    """A `UserError` unless the pyramid has this scale.

    Args:
        pyramid: whose scales are counted from 0, the coarsest.
        scale: what was asked for.
        name: of the setting.
        least: the smallest that means something.
    """
    most = len(pyramid.scales) - 1
    if not least <= scale <= most:
        raise UserError(
            f"{name}={scale}: this pyramid has scales {least} (coarse) to {most} (fine) for that"
            if most >= least
            else f"{name}={scale}: this pyramid has one scale alone, and nothing can be injected there"
        )


def canvas(pyramid: Pyramid, height: int | None, width: int | None) -> Size:
    """Height and width of a sample.

    Raises:
        UserError: too small for the coarsest scale, or too large.
    """
    coarse, top = pyramid.sizes[0], pyramid.sizes[-1]
    if height is None and width is None:
        return top
    if height is None:
        assert width is not None
        height = max(1, round(top[0] * width / top[1]))
    if width is None:
        width = max(1, round(top[1] * height / top[0]))
    for name, asked, small, full in (
        ("height", height, coarse[0], top[0]),
        ("width", width, coarse[1], top[1]),
    ):
        least = -(-LEAST_COARSE * full // small)
        if asked < least:
            raise UserError(
                f"{name}={asked} is too small: the coarsest scale would be left with fewer than "
                f"{LEAST_COARSE} pixels; at least {least} were expected"
            )
    if height * width > MOST_PIXELS:
        raise UserError(
            f"a canvas of {height} x {width} has more than {MOST_PIXELS:,} pixels; ask for a smaller one"
        )
    return height, width
