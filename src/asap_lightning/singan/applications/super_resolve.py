"""Super-resolution: the finest scale's generator, applied again and again to its own enlarged result.

Small structures recur across scales, so the generator that knows them at one size adds them at the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.singan.enlarge import enlarge
from asap_lightning.singan.noise import Noise
from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.pyramid import upscale_step
from asap_lightning.singan.sampling import MOST_PIXELS

if TYPE_CHECKING:
    from asap_lightning.singan.checkpoint import Pyramid

MOST = 16.0
"""Largest factor."""
TOLERANCE = 0.08
"""By which the distance of two scales may differ from a step: the pyramid's is bent to fit the image."""


def steps_of(factor: float) -> tuple[int, float]:
    """How many times the image is enlarged, and by how much each time (see `upscale_step`): six for x4.

    Raises:
        UserError: a factor that is none.
    """
    if not 1 < factor <= MOST:  # NaN too
        raise UserError(
            f"factor={factor:g}: a number above 1 and up to {MOST:g} was expected, such as 2 or 4"
        )
    return upscale_step(factor)


def warning_of(pyramid: Pyramid, factor: float) -> str | None:
    """What a user must know of the result: the pyramid's scales were not made for this factor."""
    if pyramid.task == "super_resolution":
        step, trained = steps_of(factor)[1], 1 / pyramid.factor
        if abs(step - trained) <= TOLERANCE * trained:
            return None
        return (
            f"the scales of this pyramid are {trained:.3f} apart, and factor={factor:g} enlarges by "
            f"{step:.3f} at a time: details may come out too soft or too sharp"
        )
    return (
        "this pyramid was not trained for super-resolution: details will be weaker than the paper's. Train "
        "one with asap singan train image=IMAGE task=super_resolution"
    )


def super_resolve(
    pyramid: Pyramid,
    factor: float,
    noise: Noise,
    *,
    image: Tensor | None = None,
    ascent: Ascent | None = None,
) -> Tensor:
    """The training image ``factor`` times as large, (1, C, int(f H), int(f W)) in about [-1, 1].

    Args:
        pyramid: finished scales.
        factor: of both sides.
        noise: of step 0, 1, ..; as at a coarsest scale, the first step sees one noise in all channels.
        image: another image (1, C, h, w) of the same texture; None: the finest real one.
        ascent: of the pyramid, where it is to be tiled or placed.

    Raises:
        UserError: no such factor, or a result that is too large.
    """
    count, step = steps_of(factor)
    ascent = ascent or Ascent(pyramid)
    top = len(pyramid.scales) - 1
    given = pyramid.scales[top]["real"] if image is None else image
    target = (int(factor * given.shape[-2]), int(factor * given.shape[-1]))
    if target[0] * target[1] > MOST_PIXELS:
        raise UserError(
            f"factor={factor:g} makes {target[0]} x {target[1]} pixels; at most {MOST_PIXELS:,} are made"
        )
    real = given.to(ascent.device)
    result = real
    for number in range(count):
        # the published program enlarges the image through k sizes only to know them
        result = enlarge(result, step)
        size = (result.shape[-2], result.shape[-1])
        drawn = ascent.noise(_renamed(noise, number), top, size, channels=1 if number == 0 else None)
        result = ascent.step(top, drawn, ascent.padded(result, top))
    return result[..., : target[0], : target[1]]


def _renamed(noise: Noise, number: int) -> Noise:
    """The noise of a step, whatever scale it is asked for."""
    return lambda scale, channels, height, width: noise(number, channels, height, width)
