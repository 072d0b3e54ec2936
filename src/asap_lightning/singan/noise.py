"""The random numbers of a sample: they follow from its seed, its number and the scale alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Noise = Callable[[int, int, int, int], Tensor]
"""(scale, channels, height, width) -> standard normal numbers (1, channels, height, width)."""


@dataclass(frozen=True)
class SeededNoise:
    """Sample ``number`` of a seed.

    Each scale has a stream of its own, drawn on the CPU: the fourth of ten samples is the fourth of four, a
    later start scale keeps what the scales from there on draw, and every device shows the same picture.

    Attributes:
        seed: the user's.
        number: of the sample.
    """

    seed: int
    number: int = 0

    def __call__(self, scale: int, channels: int, height: int, width: int) -> Tensor:
        return torch.randn(1, channels, height, width, generator=self.stream(scale))

    def stream(self, scale: int) -> torch.Generator:
        """The generator of a scale's numbers, at its beginning."""
        digest = hashlib.sha256(f"{self.seed}/{self.number}/{scale}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8]) >> 1)
