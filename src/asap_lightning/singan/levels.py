"""The finished scales below the one that is trained: reconstruction and random draws pass through them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.singan.enlarge import enlarge
from asap_lightning.singan.finished import finished
from asap_lightning.singan.networks import ScaleGenerator

if TYPE_CHECKING:
    from asap_lightning.singan.checkpoint import Scale

Size = tuple[int, int]
MOST_PIXELS_AHEAD = 2**19


class Level:
    """A finished scale, frozen: its generator, its noises, and the way up to the next scale's size.

    Args:
        generator: in evaluation mode (its running statistics count), on the device where it stays.
        amplitude: standard deviation of the noise.
        fixed_noise: (1, 3, h + lost, w + lost), which reconstructs the image.
        size: height and width of this scale.
        above: of the next one, to which the enlarged image is cropped; None: this is the finest.
        factor: r < 1 between two scales.
    """

    def __init__(
        self,
        generator: ScaleGenerator,
        amplitude: float,
        fixed_noise: Tensor,
        size: Size,
        above: Size | None,
        factor: float,
    ) -> None:
        self.generator, self.amplitude, self.fixed_noise = generator, amplitude, fixed_noise
        self.size, self.above, self.factor = size, above, factor
        self._generate = finished(generator)

    @classmethod
    def of(cls, scale: Scale, generator: ScaleGenerator, above: Size | None, factor: float) -> Level:
        """A scale as a checkpoint holds it, on the device of its generator (`generator_of`)."""
        height, width = scale["real"].shape[-2:]
        fixed_noise = scale["fixed_noise"].to(next(generator.parameters()).device)
        return cls(generator, float(scale["noise_amp"]), fixed_noise, (height, width), above, factor)

    @property
    def pad(self) -> int:
        """Zeros on each side of a generator's input: half of what its convolutions lose."""
        return self.generator.network.lost // 2

    def generate(self, image: Tensor, noise: Tensor) -> Tensor:
        """This scale's image from the enlarged one of the scale below, (B, 3, h, w), and padded noise."""
        padded = pad(image, self.pad)
        return self._generate(self.amplitude * noise + padded, padded)

    def __call__(self, image: Tensor, noise: Tensor) -> Tensor:
        """As `generate`, brought to the next scale's size."""
        return enlarge(self.generate(image, noise), 1 / self.factor, self.above)


def pad(image: Tensor, width: int) -> Tensor:
    """Zeros around (B, C, h, w)."""
    return F.pad(image, (width, width, width, width))


def blank(level: Level) -> Tensor:
    """The zeros that go into the coarsest scale."""
    return torch.zeros(1, 3, *level.size, device=level.fixed_noise.device)


@torch.no_grad()
def reconstruct(levels: Sequence[Level]) -> Tensor:
    """The image that the fixed noises make, enlarged to the scale above the last of ``levels``."""
    image = blank(levels[0])
    for level in levels:
        image = level(image, level.fixed_noise)
    return image


@torch.no_grad()
def finest(levels: Sequence[Level], noises: Sequence[Tensor]) -> Tensor:
    """The image of the last of ``levels`` that these padded noises make, one a level."""
    image = blank(levels[0])
    for level, noise in zip(levels[:-1], noises, strict=False):
        image = level(image, noise)
    return levels[-1].generate(image, noises[-1])


def draw_noise(size: Size, width: int, *, coarsest: bool, padded: bool, generator: torch.Generator) -> Tensor:
    """Noise as it enters a generator, (1, 3, h + 2 width, w + 2 width).

    Args:
        size: of the scale.
        width: of the padding.
        coarsest: whether all three channels are the same, as at the coarsest scale.
        padded: whether the padding is noise too (as for animations) instead of zeros.
        generator: of random numbers, on the CPU: draws do not depend on the device.
    """
    height, across = (side + 2 * width for side in size) if padded else size
    noise = torch.randn(1, 1 if coarsest else 3, height, across, generator=generator).expand(1, 3, -1, -1)
    return noise.contiguous() if padded else pad(noise, width)


def draw_noises(levels: Sequence[Level], *, padded: bool, generator: torch.Generator) -> list[Tensor]:
    """`draw_noise` for each of the levels, the coarsest first."""
    return [
        draw_noise(level.size, level.pad, coarsest=not at, padded=padded, generator=generator)
        for at, level in enumerate(levels)
    ]


class LowerDraws:
    """Random images of the scales below, enlarged to the present one, made in batches ahead.

    Each draw takes its numbers from a stream of its own, one draw after the other, so the n-th draw is the
    same however many are made at once. What is stored for a resume is where the stream stood when the
    present batch began, and how many of the batch were taken.

    Args:
        levels: the finished scales, the coarsest first.
        seed: of the stream.
        ahead: draws in a batch; None: as many as fit into some MB.
        padded: see `draw_noise`.
    """

    def __init__(
        self, levels: Sequence[Level], seed: int, *, ahead: int | None = None, padded: bool = False
    ) -> None:
        self.levels, self.padded = levels, padded
        assert levels[-1].above is not None
        pixels = math.prod(levels[-1].above)
        self.ahead = ahead or max(1, min(48, MOST_PIXELS_AHEAD // pixels))
        self._generator = torch.Generator().manual_seed(seed)
        self._began, self._used, self._batch = self._generator.get_state(), 0, blank(levels[0])[:0]

    def __call__(self) -> Tensor:
        """The next draw, (1, 3, h, w)."""
        if self._used == len(self._batch):
            self._began, self._used = self._generator.get_state(), 0
            self._batch = self._make()
        self._used += 1
        return self._batch[self._used - 1 : self._used]

    @torch.no_grad()
    def _make(self) -> Tensor:
        drawn = [
            draw_noises(self.levels, padded=self.padded, generator=self._generator) for _ in range(self.ahead)
        ]
        device = self.levels[0].fixed_noise.device
        image = blank(self.levels[0]).expand(self.ahead, -1, -1, -1)
        for level, noises in zip(self.levels, zip(*drawn, strict=True), strict=True):
            image = level(image, torch.cat(noises).to(device))
        return image

    def state_dict(self) -> dict[str, Any]:
        return {"began": self._began.clone(), "used": self._used, "ahead": self.ahead}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Makes the batch again that was being used."""
        self._generator.set_state(state["began"].cpu())
        self.ahead = state["ahead"]
        self._began, self._used = self._generator.get_state(), state["used"]
        self._batch = self._make() if self._used else self._batch[:0]


def frozen(network: nn.Module) -> nn.Module:
    """The network in evaluation mode, without gradients."""
    return network.requires_grad_(False).eval()
