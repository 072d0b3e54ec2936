"""Pictures in formats that can only be decoded whole (JPEG, WebP, interlaced PNG), kept and cut."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from asap_lightning.data.reading import open_image
from asap_lightning.data.strips.strips import Strips


class WholePicture(Strips):
    """A picture as decoded; its pixels are held, and `data.reading` bounds how many there may be."""

    def __init__(self, path: Path) -> None:
        self._image = open_image(path)
        super().__init__(path, *self._image.size)

    def read(self, top: int, bottom: int) -> Image.Image:
        return self._image.crop((0, top, self.width, bottom))
