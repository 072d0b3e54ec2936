"""Names and sizes of the cases of `asap benchmark`; light, so that ``--help`` loads no torch."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Size(NamedTuple):
    """Which data set's model, at which size.

    Attributes:
        data: ``facades`` (12 classes and unknown) or ``cityscapes`` (35 classes, instance edges).
        height, width: of the image.
        batch: images at a time.
    """

    data: Literal["facades", "cityscapes"]
    height: int
    width: int
    batch: int = 1


SIZES = {
    "facades-256": Size("facades", 256, 256),
    "facades-512": Size("facades", 512, 512),
    "facades-1024": Size("facades", 1024, 1024),
    "facades-2048": Size("facades", 2048, 2048),
    "facades-4096": Size("facades", 4096, 4096),
    "facades-512-b16": Size("facades", 512, 512, batch=16),
    "facades-1024-b16": Size("facades", 1024, 1024, batch=16),
    "cityscapes-256x512": Size("cityscapes", 256, 512),
    "cityscapes-512x1024": Size("cityscapes", 512, 1024),
}
"""By the name of the case."""
