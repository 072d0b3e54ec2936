"""Harmonization, editing, paint-to-image: finer scales redraw a picture injected at a middle one.

Shaham et al. 2019, section 5. The coarser the injection, the more the picture becomes the training image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.resize import imresize
from asap_lightning.singan.sampling import require_scale

if TYPE_CHECKING:
    from asap_lightning.singan.checkpoint import Pyramid
    from asap_lightning.singan.noise import Noise


def injection_scales(pyramid: Pyramid, scale: int | str) -> list[int]:
    """The scales that are meant: one, or for ``all`` every one that something can be injected at.

    Raises:
        UserError: out of range.
    """
    if scale == "all":
        require_scale(pyramid, 1, "scale", least=1)
        return list(range(1, len(pyramid.scales)))
    require_scale(pyramid, int(scale), "scale", least=1)
    return [int(scale)]


def fitted(image: Tensor, pyramid: Pyramid) -> Tensor:
    """A picture (1, C, h, w) in the training image's size; as it is where it has that size."""
    size = pyramid.sizes[-1]
    return image if image.shape[-2:] == size else imresize(image, size=size)


def shrunk(image: Tensor, pyramid: Pyramid, index: int) -> Tensor:
    """A picture of the image's size as a scale's image would be: resized in one step, cropped."""
    height, width = pyramid.sizes[index]
    small = imresize(image, pyramid.factor ** (len(pyramid.scales) - 1 - index))
    return small[..., :height, :width]


def injected(image: Tensor, pyramid: Pyramid, scale: int) -> Tensor:
    """What a scale gets in place of the image from below: the picture, shrunk one scale more, enlarged.

    Args:
        image: (1, C, H, W), of the training image's size.
        pyramid: finished scales.
        scale: 1 or finer.
    """
    height, width = pyramid.sizes[scale]
    return imresize(shrunk(image, pyramid, scale - 1), 1 / pyramid.factor)[..., :height, :width]


def redraw(ascent: Ascent, image: Tensor, scale: int, noise: Noise) -> Tensor:
    """The picture as the scales from ``scale`` on draw it, with fresh noise, (1, C, H, W).

    Args:
        ascent: of the pyramid.
        image: (1, C, H, W), of the training image's size.
        scale: where it is injected.
        noise: of the scales from there on.
    """
    return ascent.run(noise, first=scale, injected=injected(image, ascent.pyramid, scale))


@dataclass(frozen=True)
class Redrawn:
    """A picture redrawn from one scale on.

    Attributes:
        scale: where it was injected.
        whole: as the scales drew it, (1, C, H, W).
        result: the same, but outside the mask the training image; without a mask ``whole``.
    """

    scale: int
    whole: Tensor
    result: Tensor


def paste(ascent: Ascent, image: Tensor, mask: Tensor, scale: int, noise: Noise) -> Redrawn:
    """Harmonization or editing: the picture redrawn, and kept where it was changed.

    Args:
        ascent: of the pyramid.
        image: (1, C, H, W), the training image with something pasted or moved, of its size.
        mask: (1, 1, H, W), from `soft_mask`.
        scale: where it is injected.
        noise: of the scales from there on.
    """
    whole = redraw(ascent, image, scale, noise)
    return Redrawn(scale, whole, blended(whole, mask, ascent.pyramid.scales[-1]["real"]))


def blended(result: Tensor, mask: Tensor, real: Tensor) -> Tensor:
    """(1 - m) real + m result: outside the mask the training image stays."""
    mask = mask.to(result.device)
    return (1 - mask) * real.to(result.device) + mask * result
