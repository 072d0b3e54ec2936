"""The one image that is learned from, of any kind of file, and the mask of the region that counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from asap_lightning.data.reading import grey_array, open_image, photo_array
from asap_lightning.errors import UserError

BACKGROUNDS = {"white": (255, 255, 255), "grey": (128, 128, 128), "black": (0, 0, 0)}


def read_image(path: Path, background: str | Sequence[int] = "white") -> tuple[Tensor, list[str]]:
    """The image in [-1, 1], and what was done to it.

    Grey becomes three equal channels, 16 bits become 8 (65535 to 255), and what is transparent is laid over
    a background, because the network knows no transparency.

    Args:
        path: of a PNG, JPEG or other picture.
        background: white, grey, black, or three numbers from 0 to 255.

    Returns:
        (1, 3, H, W): (x / 255 - 0.5) * 2; and lines for the log.

    Raises:
        UserError: missing, no picture, or all of one colour; no such background.
    """
    colour = background_colour(background)
    image, share = laid_over(open_image(path), colour)
    notes = []
    if share:
        notes.append(
            f"{path.name}: {100 * share:.1f}% of its pixels are transparent; they are laid over "
            f"background={background if isinstance(background, str) else list(colour)}"
        )
    elif image.mode.startswith("I"):
        notes.append(f"{path.name}: 16-bit values are brought to 8 bits")
    elif image.mode in ("L", "1"):
        notes.append(f"{path.name}: grey; the three channels are equal")
    pixels = photo_array(image, path)
    if (pixels == pixels[0, 0]).all():
        raise UserError(
            f"{path} has one colour only, {tuple(map(int, pixels[0, 0]))}: there is nothing to learn; take "
            "an image with some structure"
        )
    return to_tensor(pixels), notes


def laid_over(image: Image.Image, colour: tuple[int, int, int]) -> tuple[Image.Image, float]:
    """A picture on a background where it is transparent, and the share of pixels that are.

    A picture without transparency stays as it is.
    """
    if "transparency" not in image.info and image.mode not in ("RGBA", "LA", "PA", "La", "RGBa"):
        return image, 0.0
    over = image.convert("RGBA")
    share = float((np.asarray(over.getchannel("A")) < 255).mean())
    under = Image.new("RGBA", over.size, (*colour, 255))
    return Image.alpha_composite(under, over).convert("RGB"), share


def read_region(path: Path, size: tuple[int, int]) -> Tensor:
    """A mask, (1, 1, H, W) of 0 and 1: where it is brighter than half the image counts.

    Args:
        path: of a picture.
        size: height and width that it must have.

    Raises:
        UserError: another size, or nothing in it counts.
    """
    grey = grey_array(open_image(path), path)[..., 0]
    if grey.shape != size:
        raise UserError(
            f"mask={path} is {grey.shape[0]} x {grey.shape[1]} pixels, the image {size[0]} x {size[1]} "
            "(height x width): the same size was expected"
        )
    region = torch.from_numpy(grey > 127).float()[None, None]
    if not region.any():
        raise UserError(f"mask={path} is black everywhere: white where the image counts was expected")
    return region


def background_colour(background: str | Sequence[int]) -> tuple[int, int, int]:
    """A name or three numbers as a colour.

    Raises:
        UserError: neither.
    """
    if isinstance(background, str) and background in BACKGROUNDS:
        return BACKGROUNDS[background]
    if not isinstance(background, str) and len(background) == 3:
        r, g, b = background
        if all(type(value) is int and 0 <= value <= 255 for value in (r, g, b)):
            return r, g, b
    raise UserError(
        f"background={background}: {', '.join(BACKGROUNDS)}, or three numbers [r,g,b] from 0 to 255, "
        "were expected"
    )


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W, 3) uint8 as (1, 3, H, W) in [-1, 1], rounded as the published program does."""
    scaled = torch.from_numpy(np.array(pixels)).double() / 255
    return ((scaled.float() - 0.5) * 2).permute(2, 0, 1)[None].contiguous()
