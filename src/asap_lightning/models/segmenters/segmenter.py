"""From pictures to classes: a network with everything that its weights were trained to be given.

Axes: B batch, C channels or classes, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Combination = Literal["single", "probabilities", "log_probabilities"]


@dataclass(frozen=True)
class Normalisation:
    """Pixels as a network wants them: (pixel * scale - mean) / std, a channel each.

    Attributes:
        mean, std: in the order of the channels that the network gets, after the scaling.
        scale: 1/255 for networks that want [0, 1], 1 for those that want 0..255.
        bgr: whether blue comes first.
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    scale: float = 1 / 255
    bgr: bool = False

    def __call__(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) uint8 RGB -> float32."""
        ordered = pixels.flip(1) if self.bgr else pixels
        mean, std = (
            torch.tensor(value, dtype=torch.float32, device=pixels.device).view(3, 1, 1)
            for value in (self.mean, self.std)
        )
        return (ordered.float() * self.scale - mean) / std

    def __str__(self) -> str:
        order = "BGR" if self.bgr else "RGB"
        scale = "0..255" if self.scale == 1 else "[0, 1]"
        return f"{order} in {scale}, mean {self.mean}, std {self.std}"


@dataclass(frozen=True)
class Sizes:
    """The sizes at which a picture is looked at.

    Attributes:
        fixed: every picture becomes this height and width.
        short_sides: the shorter side becomes each of these, the longer one at most `longest`.
        longest: see `short_sides`.
        scales: factors of the picture's own size (or of `fixed`).
        multiple: height and width are rounded up to multiples of it.
    """

    fixed: tuple[int, int] | None = None
    short_sides: tuple[int, ...] = ()
    longest: int = 1000
    scales: tuple[float, ...] = (1.0,)
    multiple: int = 1

    def of(self, height: int, width: int) -> list[tuple[int, int]]:
        """The sizes for a picture of ``height`` x ``width``."""
        if self.short_sides:
            factors = [
                min(side / min(height, width), self.longest / max(height, width)) for side in self.short_sides
            ]
        else:
            factors = list(self.scales)
            height, width = self.fixed or (height, width)
        return [(self._rounded(height * factor), self._rounded(width * factor)) for factor in factors]

    def _rounded(self, side: float) -> int:
        whole = max(1, int(side + 1e-6))
        return -(-whole // self.multiple) * self.multiple

    def __str__(self) -> str:
        if self.short_sides:
            sides = ", ".join(map(str, self.short_sides))
            text = f"short sides {sides} (long side at most {self.longest})"
        else:
            text = f"{self.fixed[0]} x {self.fixed[1]}" if self.fixed else "its own size"
            if self.scales != (1.0,):
                text += f" times {', '.join(f'{scale:g}' for scale in self.scales)}"
        return text + (f", rounded up to multiples of {self.multiple}" if self.multiple > 1 else "")


class Segmenter(nn.Module):
    """Pictures (B, 3, H, W) uint8 RGB -> class ids (B, h, w) int64.

    The picture is resized to every one of `sizes` (bilinear, antialiased, rounded to 8 bit, as programs do
    that resize files with Pillow), normalised, and given to the network; its scores are resized bilinearly to
    (h, w), combined over the sizes, and the largest is the class.

    Args:
        network: normalised images -> scores (B, C, ~H, ~W) of any resolution.
        classes: number C.
        title: its name in reports.
        normalisation, sizes: what the network is given.
        combination: what is added over the sizes: ``probabilities`` (softmax of logits), or
            ``log_probabilities`` (what the network returns already); ``single``: there is one size.
        class_names: may be empty.
    """

    def __init__(
        self,
        network: nn.Module,
        classes: int,
        *,
        title: str,
        normalisation: Normalisation | None = None,
        sizes: Sizes | None = None,
        combination: Combination = "single",
        class_names: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.classes, self.title, self.class_names = classes, title, class_names
        self.normalisation = normalisation or Normalisation()
        self.sizes = sizes or Sizes()
        self.combination = combination
        self.eval()

    @torch.no_grad()
    def forward(self, pixels: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """The classes, at ``size`` (height, width) or the picture's own.

        Raises:
            ValueError: no pictures of bytes, or a network with another number of classes.
        """
        if pixels.dim() != 4 or pixels.shape[1] != 3 or pixels.dtype != torch.uint8:
            raise ValueError(f"(B, 3, H, W) uint8 was expected, got {pixels.dtype} {tuple(pixels.shape)}")
        height, width = pixels.shape[-2:]
        total: Tensor | None = None
        for at in self.sizes.of(height, width):
            scores = self._scores(resized_pixels(pixels, at), size or (height, width))
            total = scores if total is None else total.add_(scores)
        assert total is not None
        return total.argmax(1)

    def _scores(self, pixels: Tensor, size: tuple[int, int]) -> Tensor:
        scores: Tensor = self.network(self.normalisation(pixels))
        if scores.dim() != 4 or scores.shape[1] != self.classes:
            raise ValueError(
                f"{self.title}: scores of shape {tuple(scores.shape)} where {self.classes} classes are known"
            )
        if tuple(scores.shape[-2:]) != size:
            scores = F.interpolate(scores.float(), size=size, mode="bilinear", align_corners=False)
        return scores.softmax(1) if self.combination == "probabilities" else scores

    def describe(self) -> dict[str, str | int]:
        """What it is and is given, for reports."""
        return {
            "segmenter": self.title,
            "classes": self.classes,
            "input": str(self.normalisation),
            "sizes": str(self.sizes),
        }


def resized_pixels(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, 3, H, W) uint8 at another size: bilinear, antialiased, rounded, as Pillow's ``BILINEAR``."""
    if tuple(pixels.shape[-2:]) == size:
        return pixels
    if pixels.device.type == "cpu":
        return F.interpolate(pixels, size=size, mode="bilinear", antialias=True)
    floats = F.interpolate(pixels.float(), size=size, mode="bilinear", antialias=True)
    return floats.round().clamp(0, 255).to(torch.uint8)
