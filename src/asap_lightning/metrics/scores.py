"""What validations and evaluations measure of every image."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class ImageScores(NamedTuple):
    """The figures of one image, as 0-dimensional tensors.

    Attributes:
        psnr: peak signal-to-noise ratio in dB.
        ssim: structural similarity in [-1, 1].
        l1: mean absolute difference, on the scale [0, 1].
    """

    psnr: Tensor
    ssim: Tensor
    l1: Tensor
