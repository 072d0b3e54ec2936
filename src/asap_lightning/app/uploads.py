"""The files of a request: what they are by their first bytes and header, and what they hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.app.card import ModelCard
from asap_lightning.app.refusals import Refusal
from asap_lightning.data.formats import open_picture
from asap_lightning.data.reading import (
    grey_array,
    open_image,
    photo_array,
    read_depth,
    read_instance,
    scale_depth,
)
from asap_lightning.data.source import StoredFile
from asap_lightning.errors import UserError

_OTHERS = {b"GIF8": "a GIF", b"BM": "a BMP", b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"%PDF": "a PDF"}


def require_picture(file: StoredFile, most_pixels: int) -> None:
    """Refuses, by first bytes and header alone, what is not to be decoded.

    Raises:
        Refusal: 415 for another format than PNG, JPEG and WebP, 400 for a damaged header, 413 for too many
            pixels, 422 for an animation.
    """
    head = file.content[:16]
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    if not (head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or webp):
        kind = next((name for start, name in _OTHERS.items() if head.startswith(start)), None)
        found = f"is {kind}" if kind else "is no picture" if head else "is empty (0 bytes)"
        raise Refusal(415, f"{file} {found}: a PNG, JPEG or WebP file was expected")
    try:
        with open_picture(file) as picture:
            (width, height), kind = picture.size, picture.format
            frames = getattr(picture, "n_frames", 1)
    except Exception as error:  # whatever a damaged header makes of Pillow
        raise Refusal(400, f"{file}: its header is truncated or damaged: send the file again") from error
    if width * height > most_pixels:
        raise Refusal(
            413,
            f"{file} has {width} x {height} = {width * height:,} pixels; at most {most_pixels:,} are "
            "translated here: make it smaller",
        )
    if frames > 1 and kind != "MPO":  # a photo with its preview
        raise Refusal(422, f"{file} is an animation of {frames} frames: one picture was expected")


def read_condition(file: StoredFile, card: ModelCard) -> NDArray:
    """What `Translator` takes: class ids (H, W), a picture (H, W, C) uint8, or depths (H, W) in [-1, 1].

    Raises:
        Refusal: 400 for a truncated or damaged file.
        UserError: what does not fit the model.
    """
    image = _decoded(file)
    if card.classes is not None:
        return card.classes.ids(image, file)
    if card.depth is not None:
        depth = card.depth
        return scale_depth(read_depth(file, depth.unit), depth.nearest, depth.farthest)
    return photo_array(image, file) if card.spec.channels == 3 else grey_array(image, file)


def read_guide(file: StoredFile) -> NDArray[np.uint8]:
    """A photo (H, W, 3); errors as `read_condition`."""
    return photo_array(_decoded(file), file)


def read_instances(file: StoredFile) -> NDArray[np.int32]:
    """An instance map (H, W); errors as `read_condition`."""
    _decoded(file)
    return read_instance(file)


def _decoded(file: StoredFile) -> Image.Image:
    try:
        return open_image(file)
    except UserError as error:
        raise Refusal(400, str(error)) from error
