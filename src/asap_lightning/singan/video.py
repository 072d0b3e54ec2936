"""Moving pictures: GIF by Pillow, MP4 (VP9) by OpenCV, which comes with albumentations."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from asap_lightning.data.panels import Picture
from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write, remove_if_there

CODECS = ("vp09", "mp4v")
"""In the order in which they are tried: VP9, which browsers play; MPEG-4 part 2, which players play."""
FASTEST = 50
"""Frames a second: a GIF counts in hundredths of a second, and viewers slow down below two."""


def require_speed(fps: float) -> None:
    """A `UserError` for frames a second that a GIF cannot have."""
    if not 0.1 <= fps <= FASTEST:  # NaN too
        raise UserError(f"fps={fps:g}: a number from 0.1 to {FASTEST} was expected")


def write_gif(path: str | os.PathLike[str], frames: Sequence[Picture], fps: float) -> None:
    """Writes an endless GIF atomically."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    with atomic_write(path) as file:
        first.save(
            file, format="GIF", save_all=True, append_images=others, duration=round(100 / fps) * 10, loop=0
        )


def write_mp4(path: str | os.PathLike[str], frames: Sequence[Picture], fps: float) -> str:
    """Writes an MP4 atomically; returns the name of its codec.

    An odd width or height gets one more line, a copy of the last: half of them has to be a whole number.

    Raises:
        UserError: OpenCV is not there, or was built without an encoder.
    """
    try:
        import cv2
    except ImportError as error:
        raise UserError(
            "an MP4 needs OpenCV, which cannot be imported: pip install opencv-python-headless, or ask "
            "for the GIF alone with mp4=false"
        ) from error
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    height, width = frames[0].shape[:2]
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(6)}.tmp.mp4")  # OpenCV wants the ending
    try:
        for codec in CODECS:
            writer = _quietly(cv2, str(temporary), codec, fps, (width + width % 2, height + height % 2))
            if writer.isOpened():
                for frame in frames:
                    even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
                    writer.write(np.ascontiguousarray(even[..., ::-1]))
                writer.release()
                os.replace(temporary, target)
                return codec
            writer.release()
            remove_if_there(temporary)
    finally:
        remove_if_there(temporary)
    raise UserError(
        f"{path}: this build of OpenCV has no encoder for {' or '.join(CODECS)}; install "
        "opencv-python-headless as it is published, or ask for the GIF alone with mp4=false"
    )


def _quietly(cv2: Any, path: str, codec: str, fps: float, size: tuple[int, int]) -> Any:
    """A writer; what OpenCV logs about encoders that it has not is kept off the terminal."""
    logging = cv2.utils.logging
    before = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*codec), fps, size)
    finally:
        logging.setLogLevel(before)
