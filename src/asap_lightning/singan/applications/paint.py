"""Paint-to-image with few colours: painting and training image in one palette, one scale trained anew for it.

Shaham et al. 2019, section 5. What scale n gets from below is brought to the real image's k-means colours, in
the reconstruction and in every random draw; that scale alone learns to draw from such a picture. The painting
in the same palette is then injected there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from asap_lightning.singan.applications.inject import shrunk
from asap_lightning.singan.applications.quantize import COLOURS, centres_of, recoloured
from asap_lightning.singan.checkpoint import Scale
from asap_lightning.singan.levels import Level, LowerDraws, frozen, pad
from asap_lightning.singan.networks import ScaleDiscriminator, ScaleGenerator, center_crop
from asap_lightning.singan.updates import (
    Noises,
    ScaleTraining,
    UpdateSettings,
    make_optimizer,
    rate_factor,
    set_rates,
)

if TYPE_CHECKING:
    from asap_lightning.singan.checkpoint import Pyramid

ITERATIONS = 2000
RATE, BETA = 5e-4, 0.5


@dataclass(frozen=True)
class Palette:
    """A scale's palette.

    Attributes:
        scale: n.
        centres: colours (K, 3) of the real image there.
    """

    scale: int
    centres: Tensor

    @classmethod
    def of(cls, pyramid: Pyramid, scale: int, colours: int = COLOURS, seed: int = 0) -> Palette:
        """That of the training image at a scale."""
        return cls(scale, centres_of(pyramid.scales[scale]["real"], colours, seed=seed))

    def painted(self, painting: Tensor, pyramid: Pyramid) -> Tensor:
        """What the scale gets for a painting (1, 3, H, W) of the training image's size."""
        return shrunk(recoloured(painting, self.centres), pyramid, self.scale)

    def __call__(self, image: Tensor) -> Tensor:
        return recoloured(image, self.centres)


class PalettedDraws(LowerDraws):
    """Random images of the scales below, in a palette."""

    def __init__(self, levels: list[Level], seed: int, palette: Palette, *, padded: bool = False) -> None:
        super().__init__(levels, seed, padded=padded)
        self.palette = palette

    def __call__(self) -> Tensor:
        return self.palette(super().__call__())


def levels_below(pyramid: Pyramid, scale: int) -> list[Level]:
    """The finished scales below one."""
    return [
        Level.of(below, pyramid.generator(index), above, pyramid.factor)
        for index, (below, above) in enumerate(
            zip(pyramid.scales[:scale], pyramid.sizes[1 : scale + 1], strict=True)
        )
    ]


def train_for_palette(
    pyramid: Pyramid,
    palette: Palette,
    *,
    seed: int = 0,
    iterations: int = ITERATIONS,
    progress: Callable[[range], Iterable[int]] = iter,
) -> Pyramid:
    """The pyramid with one scale trained anew, from fresh weights, on what comes in a palette.

    Args:
        pyramid: finished scales.
        palette: of the scale.
        seed: of weights and noise.
        iterations: of the training.
        progress: goes over their numbers, and may show where it is.
    """
    scale, old = palette.scale, pyramid.scales[palette.scale]
    with torch.random.fork_rng(devices=[]):  # weights are drawn from the process's own generator
        torch.manual_seed(seed)
        generator, critic = ScaleGenerator(**old["arguments"]), ScaleDiscriminator(**old["arguments"])
    levels, padded = levels_below(pyramid, scale), pyramid.task == "animation"
    width = generator.network.lost // 2
    noises = Noises(
        pyramid.sizes[scale],
        width,
        PalettedDraws(levels, seed + 1, palette, padded=padded),
        torch.Generator().manual_seed(seed + 2),
        noise_padding=padded,
    )
    training = ScaleTraining(
        old["real"], levels, generator, critic, noises, UpdateSettings(noise_padding=padded)
    )
    unpadded = center_crop(training.below, *noises.size)
    training.below = pad(palette(unpadded), width)
    optimizers = [make_optimizer(network, RATE, BETA) for network in (critic, generator)]
    for number in progress(range(iterations)):
        set_rates(optimizers, RATE, rate_factor(number, iterations))
        training.iterate(*optimizers)
    frozen(generator)
    made: Scale = {
        "arguments": old["arguments"],
        "state_dict": generator.state_dict(),
        "fixed_noise": old["fixed_noise"],
        "noise_amp": float(training.amplitude),
        "real": old["real"],
    }
    scales = (*pyramid.scales[:scale], made, *pyramid.scales[scale + 1 :])
    return replace(pyramid, scales=scales, _built={})
