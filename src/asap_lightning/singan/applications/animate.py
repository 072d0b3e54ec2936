"""Animation of the training image: its noise wanders about the noise that rebuilds it.

Shaham et al. 2019, supplementary:
z_(t+1) = a z* + (1 - a) (z_t + b (z_t - z_(t-1)) + (1 - b) u_t), u ~ N(0, 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.sampling import require_scale

if TYPE_CHECKING:
    from asap_lightning.singan.checkpoint import Pyramid
    from asap_lightning.singan.noise import SeededNoise

MOST_FRAMES = 10_000
NEAR = 0.05
"""Share of fresh noise in the first frame."""


class Walk:
    """The walk of one scale's noise.

    Args:
        fixed: z*, (1, C, h, w).
        alpha: pull towards it: 1 stands still, 0 roams.
        beta: how smoothly it moves: near 1 each step is much like the last.
        channels: of the noise that is drawn; 1 where all of z*'s channels share it.
        margin: border of z* that stays zero, because the scale was trained with zeros there.
        stream: of the numbers.
    """

    def __init__(
        self,
        fixed: Tensor,
        *,
        alpha: float,
        beta: float,
        channels: int,
        margin: int,
        stream: torch.Generator,
    ) -> None:
        self.fixed, self.alpha, self.beta = fixed, alpha, beta
        self._channels, self._margin, self._stream = channels, margin, stream
        self._before = fixed
        self._now = (1 - NEAR) * fixed + NEAR * self._fresh()

    def _fresh(self) -> Tensor:
        height, width = (side - 2 * self._margin for side in self.fixed.shape[-2:])
        drawn = torch.randn(1, self._channels, height, width, generator=self._stream)
        return torch.nn.functional.pad(drawn, [self._margin] * 4)

    def step(self) -> Tensor:
        """The next noise."""
        moved = self.beta * (self._now - self._before) + (1 - self.beta) * self._fresh()
        following = self.alpha * self.fixed + (1 - self.alpha) * (self._now + moved)
        self._before, self._now = self._now, following
        return following


def animate(
    pyramid: Pyramid,
    *,
    noise: SeededNoise,
    frames: int = 100,
    alpha: float = 0.1,
    beta: float = 0.9,
    start_scale: int = 0,
    device: torch.device | str = "cpu",
) -> Iterator[Tensor]:
    """Frames (1, C, H, W), one after the other.

    Args:
        pyramid: finished scales; best of ``task=animation``, whose scales know noise beyond the borders.
        noise: of the walks: each scale has its own stream.
        frames: how many.
        alpha: pull towards the training image; 0 to 1.
        beta: smoothness of the movement; 0 to 1.
        start_scale: coarser scales stand still: the larger, the less the layout moves.
        device: where it is computed.

    Raises:
        UserError: before anything is computed, settings out of range.
    """
    require_scale(pyramid, start_scale, "start_scale")
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0 <= value <= 1:
            raise UserError(f"{name}={value:g}: a number from 0 to 1 was expected")
    if not 1 <= frames <= MOST_FRAMES:
        raise UserError(f"frames={frames}: a number from 1 to {MOST_FRAMES} was expected")
    return _frames(Ascent(pyramid, device=device), noise, frames, alpha, beta, start_scale)


def _frames(
    ascent: Ascent, noise: SeededNoise, frames: int, alpha: float, beta: float, start_scale: int
) -> Iterator[Tensor]:
    still = ascent.reconstruct(start_scale)
    moving = range(start_scale, len(ascent.pyramid.scales))
    walks = {index: _walk(ascent, index, noise, alpha, beta) for index in moving}
    for _ in range(frames):
        image = still
        for index in moving:
            wandered = walks[index].step().to(ascent.device)
            image = ascent.step(index, wandered, ascent.below(image, index, ascent.sizes[index]))
        assert image is not None
        yield image


def _walk(ascent: Ascent, index: int, noise: SeededNoise, alpha: float, beta: float) -> Walk:
    scale = ascent.pyramid.scales[index]
    return Walk(
        scale["fixed_noise"],
        alpha=alpha,
        beta=beta,
        channels=1 if index == 0 else scale["real"].shape[1],
        margin=0 if ascent.pyramid.task == "animation" else ascent.margin(index),
        stream=noise.stream(index),
    )
