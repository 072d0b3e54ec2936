"""Pictures and masks that an application is given, checked before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from asap_lightning.data.reading import grey_array, open_image, photo_array
from asap_lightning.errors import UserError
from asap_lightning.singan.picture import BACKGROUNDS, laid_over, to_tensor
from asap_lightning.singan.resize import imresize

if TYPE_CHECKING:
    from asap_lightning.singan.checkpoint import Pyramid

STRETCH = 0.05
"""By which the aspect of a picture may differ from the training image's."""


def read_picture(path: str | os.PathLike[str]) -> Tensor:
    """A picture of any kind as (1, 3, H, W) in [-1, 1]; what is transparent shows white behind it.

    Raises:
        UserError: a file that cannot be read.
    """
    picture, _ = laid_over(open_image(Path(path)), BACKGROUNDS["white"])
    return to_tensor(photo_array(picture, Path(path)))


def aspect_problem(image: Tensor, pyramid: Pyramid) -> str | None:
    """What is wrong with a picture's shape; None where it has the training image's aspect."""
    height, width = pyramid.sizes[-1]
    stretch = (image.shape[-1] / image.shape[-2]) / (width / height)
    if abs(stretch - 1) <= STRETCH:
        return None
    return (
        f"the picture has {image.shape[-1]} x {image.shape[-2]} pixels, the pyramid was trained on an image "
        f"of {width} x {height}: their aspects differ"
    )


def require_aspect(image: Tensor, pyramid: Pyramid, path: str | os.PathLike[str]) -> None:
    """A `UserError` for a picture that cannot be the training image with a change."""
    if problem := aspect_problem(image, pyramid):
        raise UserError(
            f"{path}: {problem}. Expected the training image itself, with something pasted or moved; "
            "other sizes of the same aspect are resized"
        )


def read_mask(path: str | os.PathLike[str], size: tuple[int, int]) -> Tensor:
    """A mask as (H, W) of bool: true where a grey value is 128 or more.

    Half of the range, not "anything but black": JPEG files have faint noise around white shapes.

    Args:
        path: of a picture of any kind; it may not be partly transparent.
        size: height and width that it must have: those of the picture that it belongs to.

    Raises:
        UserError: another size, transparency, or a file that cannot be read.
    """
    picture = open_image(Path(path))
    if "A" in picture.getbands() and int(np.asarray(picture.getchannel("A")).min()) < 255:
        raise UserError(
            f"{path} is partly transparent, and both its colours and its transparency could be the mask: "
            "save it as a grey picture without an alpha channel, white where the image was changed"
        )
    grey = grey_array(picture, Path(path))[..., 0]
    if grey.shape != size:
        raise UserError(
            f"{path} has {grey.shape[1]} x {grey.shape[0]} pixels, and the picture that it belongs to "
            f"{size[1]} x {size[0]}: a mask of the same size was expected"
        )
    mask = torch.from_numpy(grey >= 128)
    if not bool(mask.any()):
        raise UserError(f"{path} marks nothing: white was expected where the image was changed")
    return mask


def resized_mask(mask: Tensor, height: int, width: int) -> Tensor:
    """A mask (H, W) of bool at another size."""
    if mask.shape == (height, width):
        return mask
    return imresize(mask.float()[None, None] * 2 - 1, size=(height, width))[0, 0] >= 0
