"""Images as metrics see them: what a file would hold.

Values in [-1, 1] are clamped, mapped to [0, 1] and rounded to 8 bit, so the scores during training, of
`asap evaluate` and of any program that reads the written PNG files agree.

Axes: B batch, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from asap_lightning.errors import Unavailable
from asap_lightning.metrics.refusals import refusing


def to_eight_bit(image: Tensor) -> Tensor:
    """[-1, 1] -> uint8: clamped, rounded to nearest."""
    levels = image.detach().float().clamp(-1, 1).add_(1).div_(2).mul_(255).round_()  # clamp has made a copy
    return levels.to(torch.uint8)


@dataclass
class Images:
    """Images of one size.

    Attributes:
        names: one an image.
        pixels: (B, 3, H, W) uint8.
        broken: whether an image held values that are no finite numbers; its pixels mean nothing.
    """

    names: list[str]
    pixels: Tensor
    broken: list[bool] = field(default_factory=list)
    _features: dict[Callable[[Tensor], Any], Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.pixels.dim() != 4 or self.pixels.shape[1] != 3 or self.pixels.dtype != torch.uint8:
            raise ValueError(f"(B, 3, H, W) uint8 was expected, got {tuple(self.pixels.shape)}")
        if not self.pixels.numel() or len(self.names) != len(self.pixels):
            raise ValueError(f"{len(self.names)} names for images {tuple(self.pixels.shape)}")
        self.broken = self.broken or [False] * len(self.names)

    @classmethod
    def of_signed(cls, images: Tensor, names: Sequence[str]) -> Images:
        """Of images (B, 3, H, W) in [-1, 1]."""
        broken = (~torch.isfinite(images)).flatten(1).any(1).tolist()
        shown = images.nan_to_num(0.0) if any(broken) else images
        return cls(list(names), to_eight_bit(shown), broken)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    @cached_property
    def unit(self) -> Tensor:
        """(B, 3, H, W) float32 in {0, 1/255, .., 1}."""
        return self.pixels.float() / 255

    def features(self, extractor: Callable[[Tensor], Any]) -> Any:
        """What ``extractor`` makes of `pixels`, computed once however many metrics ask.

        Raises:
            Unavailable: it cannot take images of this size.
        """
        if extractor not in self._features:
            with refusing(self.names, self.size):
                self._features[extractor] = extractor(self.pixels)
        return self._features[extractor]


@dataclass
class Pairs:
    """Generated images beside their photos, all of one size.

    Attributes:
        generated: None where only photos pass by (two sets that are no pairs).
        photo: None where there is none.
        label: (B, H, W) class ids as in `Condition.label`; None where the condition is no label map.
    """

    generated: Images | None
    photo: Images | None = None
    label: Tensor | None = None

    def __post_init__(self) -> None:
        shapes = {images.pixels.shape for images in (self.generated, self.photo) if images is not None}
        if len(shapes) != 1:
            raise ValueError(
                f"generated images, photos of their shape, or both were expected, got {[*map(tuple, shapes)]}"
            )

    def both(self) -> tuple[Images, Images]:
        """Generated images and photos, for metrics that compare them one by one."""
        if self.generated is None or self.photo is None:
            raise ValueError("these images are no pairs")
        return self.generated, self.photo

    def units(self) -> tuple[Tensor, Tensor]:
        """Both as (B, 3, H, W) float32 in {0, 1/255, .., 1}."""
        generated, photo = self.both()
        return generated.unit, photo.unit

    def require_side(self, least: int) -> None:
        """Raises `Unavailable` where an image's shorter side has fewer pixels."""
        height, width = self.any.size
        if min(height, width) < least:
            raise Unavailable(f"images of {width} x {height} are too small: {least} pixels a side are needed")

    @property
    def any(self) -> Images:
        """Whichever is there, for names and size."""
        images = self.generated or self.photo
        assert images is not None
        return images


def pairs_of(
    generated: Tensor,
    photo: Tensor | None,
    names: Sequence[str],
    *,
    label: Tensor | None = None,
    valid: Sequence[tuple[int, int]] | None = None,
) -> Iterator[Pairs]:
    """A batch as pairs of one size each, in its order.

    Args:
        generated: (B, 3, H, W) in [-1, 1].
        photo: likewise.
        names: one an image.
        label: (B, H, W) class ids.
        valid: per image the height and width of its real content, top-left anchored; what lies outside is
            padding and is not compared.

    Raises:
        ValueError: shapes differ.
    """
    if photo is not None and generated.shape != photo.shape:
        raise ValueError(f"generated is {tuple(generated.shape)}, photo is {tuple(photo.shape)}")
    sizes = list(valid) if valid is not None else [tuple(generated.shape[-2:])] * len(generated)
    begin = 0
    for (height, width), run in groupby(sizes):
        end = begin + len(list(run))
        part = (slice(begin, end), ..., slice(height), slice(width))
        yield Pairs(
            Images.of_signed(generated[part], names[begin:end]),
            None if photo is None else Images.of_signed(photo[part].to(generated.device), names[begin:end]),
            None if label is None else label[part].to(generated.device),
        )
        begin = end
