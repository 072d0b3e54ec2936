"""An image's way up the pyramid: each scale enlarges what comes from below and adds detail from noise.

Axes: B batch, C colours, H height, W width.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from asap_lightning.singan.enlarge import enlarge
from asap_lightning.singan.finished import Generate, finished
from asap_lightning.singan.networks import ScaleGenerator
from asap_lightning.singan.noise import Noise

if TYPE_CHECKING:
    from asap_lightning.singan.checkpoint import Pyramid

Size = tuple[int, int]
WHOLE = 1 << 20
"""Pixels up to which a scale is computed in one piece."""
TILE = 512
"""Side of a piece of a larger canvas."""


class Ascent:
    """Runs images through the scales of a pyramid.

    A canvas with a side above ``tile`` is computed in tiles of that side: a tile reads as many pixels around
    itself as the network loses, so the result is that of one piece (to the rounding of sums, which may flip
    a truncated grey level, 1 of 255, here and there). What then grows with the canvas are a few
    images of three channels, not the features (32 to 128 channels).

    Args:
        pyramid: finished scales.
        wrap: the canvas is a torus: what a scale sees beyond a border is the other border, so that copies of
            the result fit each other on all sides. Else zeros, as in training.
        tile: side of a tile in pixels; None: one piece up to a megapixel, then 512.
        device: where it is computed.
    """

    def __init__(
        self,
        pyramid: Pyramid,
        *,
        wrap: bool = False,
        tile: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.pyramid, self.wrap, self.tile, self.device = pyramid, wrap, tile, torch.device(device)
        self._generators: dict[int, ScaleGenerator] = {}
        self._finished: dict[int, Generate] = {}

    @property
    def sizes(self) -> list[Size]:
        """Height and width of the training image at every scale."""
        return self.pyramid.sizes

    def sizes_for(self, height: int, width: int) -> list[Size]:
        """Those of a canvas that becomes ``height`` x ``width`` at the finest scale."""
        top = self.sizes[-1]
        down, across = height / top[0], width / top[1]
        return [(round(down * h), round(across * w)) for h, w in self.sizes]

    def generator(self, index: int) -> ScaleGenerator:
        """That of a scale, on the device."""
        if index not in self._generators:
            generator: ScaleGenerator = self.pyramid.generator(index)
            if self.device.type != "cpu":  # the pyramid keeps its own where it is
                generator = copy.deepcopy(generator).to(self.device)
            self._generators[index] = generator
        return self._generators[index]

    def finished(self, index: int) -> Generate:
        """The fastest way to run that of a scale."""
        if index not in self._finished:
            self._finished[index] = finished(self.generator(index))
        return self._finished[index]

    def margin(self, index: int) -> int:
        """Pixels that the network of a scale loses on every side."""
        return self.generator(index).network.lost // 2

    def padded(self, image: Tensor, index: int) -> Tensor:
        """An image with what a scale sees beyond its borders."""
        margin = self.margin(index)
        if not self.wrap:
            return functional.pad(image, [margin] * 4)
        for axis in (-2, -1):  # by hand: a margin may be wider than the image
            side = image.shape[axis]
            around = torch.arange(-margin, side + margin, device=image.device) % side
            image = image.index_select(axis, around)
        return image

    def noise(self, noise: Noise, index: int, size: Size, *, channels: int | None = None) -> Tensor:
        """Noise of a scale, with its margin.

        The coarsest scale sees the same noise in all channels. A pyramid trained for animation knows noise in
        the margin too; the others zeros.
        """
        margin = self.margin(index)
        if channels is None:
            channels = 1 if index == 0 else self.pyramid.scales[index]["real"].shape[1]
        whole = self.pyramid.task == "animation" and not self.wrap
        height, width = (side + 2 * margin for side in size) if whole else size
        drawn = noise(index, channels, height, width).to(self.device)
        return drawn if whole else self.padded(drawn, index)

    def below(self, image: Tensor | None, index: int, size: Size) -> Tensor:
        """What a scale gets from below, with its margin: the image enlarged to ``size``; or zeros.

        Where the enlarged image is smaller than ``size`` (other sizes than the training's), it is stretched
        with its margin, as in the published program.
        """
        margin = self.margin(index)
        full = (size[0] + 2 * margin, size[1] + 2 * margin)
        if image is None:
            return torch.zeros(1, self.pyramid.scales[index]["real"].shape[1], *full, device=self.device)
        return self.stretched(
            self.padded(enlarge(image, 1 / self.pyramid.factor, size, wrap=self.wrap), index), full
        )

    @staticmethod
    def stretched(image: Tensor, size: Size) -> Tensor:
        """The image, brought to ``size`` where it has another."""
        image = image[..., : size[0], : size[1]]
        if image.shape[-2:] == size:
            return image
        return functional.interpolate(image, size=size, mode="bilinear", align_corners=True)

    @torch.no_grad()
    def step(self, index: int, noise: Tensor, previous: Tensor) -> Tensor:
        """One scale: both inputs with their margin (B, C, H + 2 m, W + 2 m) -> (B, C, H, W)."""
        generator, amplitude = self.finished(index), float(self.pyramid.scales[index]["noise_amp"])
        lost = self.generator(index).network.lost
        height, width = (side - lost for side in previous.shape[-2:])
        side = self.tile or (max(height, width) if height * width <= WHOLE else TILE)
        if max(height, width) <= side:
            return generator(noise * amplitude + previous, previous)
        shape = (max(len(previous), len(noise)), previous.shape[1], height, width)
        out = previous.new_empty(shape, dtype=torch.promote_types(noise.dtype, previous.dtype))
        for top in range(0, height, side):
            for left in range(0, width, side):
                seen = (..., slice(top, top + side + lost), slice(left, left + side + lost))
                made = generator(noise[seen] * amplitude + previous[seen], previous[seen])
                out[..., top : top + side, left : left + side] = made
        return out

    def run(
        self,
        noise: Noise,
        *,
        sizes: Sequence[Size] | None = None,
        first: int = 0,
        image: Tensor | None = None,
        injected: Tensor | None = None,
    ) -> Tensor:
        """From scale ``first`` to the finest, with fresh noise.

        Args:
            noise: where it comes from.
            sizes: of the canvas at every scale; None: the training image's.
            first: the first scale that runs.
            image: the image of the scale below ``first``, which is enlarged; None: nothing.
            injected: what ``first`` gets in its place, at its own size.

        Returns:
            (1, C, H, W), in about [-1, 1].
        """
        sizes = self.sizes if sizes is None else sizes
        for index in range(first, len(self.pyramid.scales)):
            size = sizes[index]
            if index == first and injected is not None:
                previous = self.padded(injected.to(self.device), index)
            else:
                previous = self.below(image, index, size)
            image = self.step(index, self.noise(noise, index, size), previous)
        assert image is not None
        return image

    def reconstruct(
        self, stop: int | None = None, *, image: Tensor | None = None, first: int = 0
    ) -> Tensor | None:
        """The training image as the fixed noise rebuilds it, after scale ``stop - 1`` (None: the finest).

        None if no scale runs.
        """
        for index in range(first, len(self.pyramid.scales) if stop is None else stop):
            fixed = self.pyramid.scales[index]["fixed_noise"].to(self.device)
            image = self.step(index, fixed, self.below(image, index, self.sizes[index]))
        return image
